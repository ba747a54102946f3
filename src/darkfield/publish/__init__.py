"""The model for other programs: ONNX, the BioImage Model Zoo, and the model card."""
