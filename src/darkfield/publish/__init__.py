"""The model for other programs: ONNX, the BioImage Model Zoo, and the card that goes with it."""
