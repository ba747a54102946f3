"""params.yaml: right ones pass, and everything that is wrong is reported at once, by key."""

import copy
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from project import planned, project, run

from darkfield import presets, schema
from darkfield.files import UserError
from darkfield.params import Params
from darkfield.recipe import Train
from darkfield.validation import check, completed, load, merged, replace_tables
from darkfield.values import name_and_orcid

ROOT = Path(__file__).parent.parent
PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


@pytest.fixture
def params():
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def problems(params):
    with pytest.raises(UserError) as error:
        check(params)
    return str(error.value).splitlines()


def test_params_yaml_holds_the_defaults(params):
    before = copy.deepcopy(params)
    assert check(params) == Params()
    assert check(params).plain() == before == params


def test_every_knob_of_params_yaml_has_its_description_as_its_comment(params):
    section, found = None, {}
    for line in (ROOT / "params.yaml").read_text().splitlines():
        if match := re.fullmatch(r"( *)(\w+):.* # (.+)", line):
            indent, key, comment = match.groups()
            section = section if indent else key
            found[f"{section}.{key}" if indent else key] = comment
    expected = {}
    for name in params:
        of_name = schema.section(name)
        expected[name] = of_name["description"]
        for key, knob in of_name.get("properties", {}).items():
            expected[f"{name}.{key}"] = knob["description"]
    assert found == expected


def test_the_schema_and_the_settings_table_are_up_to_date(tmp_path, monkeypatch):
    """After a change of the models: `make docs/settings.md`."""
    monkeypatch.chdir(tmp_path)
    schema.main()
    for path in (schema.SCHEMA, schema.DOCS):
        assert path.read_text() == (ROOT / path).read_text()


def test_editors_find_the_schema_which_takes_what_we_take(params):
    first = (ROOT / "params.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={schema.SCHEMA}"
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    validator.check_schema(schema.json_schema())
    assert list(validator.iter_errors(params)) == []
    params["train"]["epochs"], params["image_size"] = 0, [128]
    del params["split"]["seed"]
    assert len(list(validator.iter_errors(params))) == 3


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_holds_what_differs_from_the_defaults_and_no_data(name):
    changes, defaults = presets.read(name), Params().plain()
    assert not changes.keys() & {"data", "pictures"}
    for section, value in changes.items():
        if isinstance(value, dict):
            assert value and all(defaults[section][key] != value[key] for key in value)
        else:
            assert value != defaults[section]


OWN = """\
# mine
pictures: {folder: "new ones"} # here
data:
  root: ../my pictures # on the server
  classes: {background: 0, erythrocyte: 1, spirochaete: 2}
  mask_values:
    0: background # black
    '128': erythrocyte
    255: spirochaete
  batches: 4

# how long
train: # of it
  epochs: 40   # many
  class_weights: # mine
  - 1
  - 1
  - 5
  crop: &square # a window
  - 64
  - 64
  batch_size: 2 # few

predict: {tile: *square, overlap: 0.5, tta: true} # all
"""


def test_use_writes_a_recipe_and_keeps_data_pictures_comments_and_order(tmp_path, params):
    path = tmp_path / "params.yaml"
    default = (ROOT / "params.yaml").read_text()
    text = default.replace("  file: #", "  file: a.csv #").replace("by: #", "by: patient #")
    path.write_text(text)
    presets.use("best", path)
    mine = {"split": {"file": "a.csv", "group_by": "patient"}}
    assert load(path) == merged(merged(params, mine), presets.read("best"))
    path.write_text(default)
    presets.use("best", path)
    recipe = merged(params, presets.read("best"))
    assert load(path) == recipe
    before, after = (
        [line.split(" # ", 1)[1] for line in p.read_text().splitlines() if " # " in line]
        for p in (ROOT / "params.yaml", path)
    )
    assert after == before
    presets.use("notebook", path)  # leaves nothing of the other
    assert load(path) == merged(params, presets.read("notebook"))

    path.write_text(OWN)
    with pytest.raises(UserError, match="'model' is missing"):  # of pictures, which are the user's
        presets.use("best", path)
    mine = load(path)
    assert mine["data"] == yaml.safe_load(OWN)["data"]
    given = {name: value for name, value in recipe.items() if name not in presets.OWN}
    assert {name: mine[name] for name in given} == given
    text = path.read_text()
    assert text.startswith(OWN[: OWN.index("  epochs")])
    for line in ("  epochs: 3 # many", "  - 2", "  batch_size: 8 # few", "  class_weights: # mine"):
        assert line in text.splitlines()
    assert "'128': erythrocyte" in text


@pytest.mark.parametrize("preset", [None, "best", "notebook"])
def test_dvc_changes_no_line_but_those_of_the_keys_that_it_sets(tmp_path, preset):
    """As `dvc exp run --set-param` does, whose rewriting of the file is no API of DVC's."""
    from dvc.utils.hydra import apply_overrides

    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    if preset:
        presets.use(preset, path)
    before = path.read_text().splitlines()
    apply_overrides(str(path), ["train.epochs=99", "augment.scale=[0.5,2]"])
    changed = [line for line in path.read_text().splitlines() if line not in before]
    assert [line.split(" #")[0] for line in changed] in (
        ["  epochs: 99", "  - 0.5", "  - 2"],
        ["  epochs: 99", "  - 0.5"],
    )
    assert len(path.read_text().splitlines()) == len(before)


def test_use_says_what_of_a_recipe_does_not_agree_with_the_data(tmp_path):
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    text = text.replace(", spirochaete: 2", "").replace(', "2": spirochaete', "")
    path.write_text(text)
    with pytest.raises(UserError, match=r"train\.class_weights: 3 weights for 2 classes"):
        presets.use("best", path)
    assert load(path)["train"]["epochs"] == 3


def test_the_command_writes_params_yaml_and_the_chain_takes_it(tmp_path):
    folder = project(tmp_path / "project", data={"batches": 2})
    shutil.copytree(ROOT / "presets", folder / "presets")
    done = run(folder, "darkfield", "use", "unet")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("params.yaml now has the recipe of presets/unet.yaml; your data")
    params = check(load(folder / "params.yaml"))
    assert (params.model.encoder, params.data.batches) == ("tu-resnet18", 2)
    assert {"train", "resize"} <= planned(folder)
    done = run(folder, "darkfield", "use", "unett")
    assert done.returncode == 1
    assert "no such preset (known: best, finetune, notebook, segnet, unet)" in done.stdout


def test_an_unknown_or_wrong_preset_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "params.yaml"
    path.write_text("data: {}\n")
    with pytest.raises(
        UserError, match=r"presets/bst.yaml: no such .* \(known: best, finetune, notebook"
    ):
        presets.use("bst", path)
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    (tmp_path / "a.yaml").write_text("data: {root: x}\ntrain: {epochs: 1}\n")
    with pytest.raises(UserError, match=r"data is set in params.yaml only; remove it"):
        presets.use("a", path)
    (tmp_path / "a.yaml").write_text("train: {epoch: 1}\n")
    with pytest.raises(UserError, match=r"a\.yaml: train: unknown key 'epoch'; did you mean"):
        presets.use("a", path)
    assert path.read_text() == "data: {}\n"


def test_values_of_masks_may_be_void(params):
    params["data"]["mask_values"]["255"] = "ignore"
    assert check(params).plain() == params


def test_no_class_has_the_index_of_void(params):
    params["data"]["classes"] = {"background": 0} | {f"c{i}": i for i in range(1, 255)}
    params["data"]["mask_values"], params["train"]["class_weights"] = {"0": "background"}, None
    params["objects"] = {}
    assert check(params).data.classes["c254"] == 254
    params["data"]["classes"]["c255"] = 255
    (line,) = problems(params)
    assert "is not a mapping of 2 to 255 names" in line


def test_unquoted_mask_values_are_the_same(params):
    params["data"]["mask_values"] = {0: "background", 1: "erythrocyte", "#00FF00": "spirochaete"}
    values = check(params).data.mask_values
    assert values == {"0": "background", "1": "erythrocyte", "#00ff00": "spirochaete"}


def test_the_order_of_keys_makes_no_difference(params):
    def backwards(value):
        if not isinstance(value, dict):
            return value
        return {k: backwards(v) for k, v in reversed(value.items())}

    assert repr(check(backwards(params)).plain()) == repr(check(params).plain())
    assert list(check(backwards(params)).data.classes.values()) == [0, 1, 2]


def text(value):
    """What Snakemake makes of a nested value of --config: every leaf is text."""
    if isinstance(value, dict):
        return {k: text(v) for k, v in value.items()}
    if isinstance(value, list):
        return [text(v) for v in value]
    return "null" if value is None else str(value)


@pytest.mark.parametrize("weights", [None, "counts", "median_frequency", [1, 2.5, 3]])
def test_numbers_booleans_and_null_may_be_text(params, weights):
    params["train"]["class_weights"] = weights
    before = text(params)
    assert check(before).plain() == params
    assert before == text(params)
    params["train"]["learning_rate"] = "1e-3"
    assert check(params).train.learning_rate == 0.001


def test_other_text_is_no_number(params):
    params["train"] |= {"epochs": "3.5", "batch_size": "many", "class_weights": ["1", "x", "3"]}
    assert [line.split(": ")[1] for line in problems(params)] == [
        "train.batch_size",
        "train.class_weights",
        "train.epochs",
    ]


@pytest.mark.parametrize("value", [True, 3.0, "3.0", "true", float("nan"), None, "", [3]])
def test_only_a_whole_number_is_one(params, value):
    params["train"]["epochs"] = value
    assert problems(params) == [
        f"params.yaml: train.epochs: {value!r} is not a whole number from 1 to 9999"
    ]


NULLABLE = (
    *("train.pretrained_weights", "train.crop", "train.class_weights", "model.encoder_weights"),
    *("split.file", "split.group_by", "pictures.folder", "pictures.um_per_pixel"),
)


def test_none_of_earlier_versions_is_refused_with_what_to_write(params):
    for key in NULLABLE:
        section, name = key.split(".")
        params[section][name] = "none"
    lines = [f"params.yaml: {key}: 'none' is not null; write null" for key in sorted(NULLABLE)]
    assert problems(params) == lines


def test_all_problems_at_once(params):
    params["train"]["learning_rat"] = params["train"].pop("learning_rate")
    params["train"]["epochs"] = 0
    params["split"]["strategy"] = "stratified"
    params["image_size"] = [128]
    params["select"]["epoch"] = "last"
    params["model"] = {"name": "segnet", "notebook_head": "yes"}
    lines = "\n".join(problems(params))
    for words in (
        "train: unknown key 'learning_rat'; did you mean 'learning_rate'?",
        "train: 'learning_rate' is missing",
        "train.epochs: 0 is not a whole number from 1 to 9999",
        "split.strategy: 'stratified' is not grouped or random",
        "image_size: [128] is not native, or a list of 2 whole numbers from 16 to 4096",
        "select.epoch: 'last' is not best, or a whole number from 1 to 1000000",
        "model.notebook_head: 'yes' is not true or false",
        "model: 'encoder' is missing",
    ):
        assert f"params.yaml: {words}" in lines


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("split", {"train": 0.7, "test": 0.2}, "split: train, val and test add up to 1.05, not 1"),
        ("split", {"train": 0.85, "val": 0.0}, "select.epoch: 'best' needs a val split"),
        ("split", {"file": "./data/split.csv"}, "split.file: './data/split.csv' is written by the"),
        ("split", {"file": "results/folds/1/split.csv"}, "is written by the chain; copy it"),
        ("split", {"group_by": "patient"}, "'patient' has no group ( ), so it is the name of a"),
        ("split", {"group_by": "(a"}, "'(a' is no regular expression (missing ), unterminated"),
        ("split", {"group_by": "(a)(b)"}, "'(a)(b)' has 2 groups ( ); keep one, write (?: ) for"),
        ("select", {"epoch": 99}, "select.epoch: 99 is beyond train.epochs"),
        ("train", {"class_weights": [1, 2]}, "train.class_weights: 2 weights for 3 classes"),
        ("synthesize", {"size": [90, 80]}, "synthesize.size: [90, 80] is not [shortest, longest]"),
        ("model", {"name": "segnet_vgg16", "notebook_head": True}, "only segnet has it"),
        ("model", {"name": "unet", "encoder_depth": 4}, "decoder_channels: 5 stages, but"),
        ("augment", {"scale": [0.5, 2]}, "augment: foreground and scale are of crops"),
        ("augment", {"scale": [2, 0.5]}, "augment.scale: [2, 0.5] is not [smallest, largest]"),
        ("augment", {"blur": 64}, "blur: 64 reaches 128 pixels to each side, too far for"),
        ("train", {"processes": 9}, "train.processes: 9 cannot share batches of 8"),
        ("train", {"processes": 2, "compile": True}, "train.compile: works in one process alone"),
        ("train", {"scenes": 0.2}, "train.scenes: scenes have sizes of their own; set train.crop"),
        ("train", {"scenes": 1}, "train.scenes: 1 is not"),
        ("train", {"crop": [30, 40]}, "takes sides that 32 divides"),
        ("train", {"crop": [32, 64]}, "augment.turn: needs squares"),
        ("data", {"mask_values": {"0": "sky"}}, "'0' is mapped to 'sky', which data.classes"),
        ("data", {"classes": {"background": 0, "cell": 2}}, "classes: must count 0, 1, 2, ..."),
        ("data", {"background": "sky"}, "data.background: 'sky' is not in data.classes; name the"),
        ("objects", {"platelet": "blob"}, "objects: 'platelet' is not in data.classes; remove it"),
        ("objects", {"background": "blob"}, "objects: 'background' is data.background, which has"),
        ("objects", {"erythrocyte": "ring"}, "to blob, filament or component"),
        ("colours", {"platelet": "#ffffff"}, "colours: 'platelet' is not in data.classes"),
        ("colours", {"background": "#ffffff"}, "colours: 'background' is data.background"),
        ("colours", {"erythrocyte": "#000000"}, "'erythrocyte' has the colour of black"),
        ("colours", {"erythrocyte": "#ABCDEF", "spirochaete": "#abcdef"}, "of 'erythrocyte'; give"),
        ("colours", {"erythrocyte": "red"}, "is not a mapping of names of classes to"),
        ("predict", {"tta": "turns"}, "predict.tta: 'turns' is not true or false, or flip"),
        ("augment", {"flip": "up"}, "augment.flip: 'up' is not true or false, or horizontal"),
        ("data", {"classes": {"background": 0, "Ignore": 1}}, "'Ignore' is what data.mask_values"),
        ("publish", {"licence": "CC-BY-5.0"}, "'CC-BY-5.0' is no identifier of SPDX; write one"),
        ("publish", {"licence": "MIT OR CC0-1.0"}, "'MIT OR CC0-1.0' is no identifier of SPDX"),
        ("publish", {"date": "2026-02-30"}, "publish.date: '2026-02-30' is no day; write YYYY-MM"),
        ("publish", {"authors": ["A (0000-0002-1825-0098)"]}, "there is no such ORCID; check its"),
        ("publish", {"authors": "Ada"}, "publish.authors: 'Ada' is not a list of names"),
        ("publish", {"authors": [" (0000-0002-1825-0097)"]}, "publish.authors"),
    ],
)
def test_values_that_disagree(params, section, values, words):
    if "crop" in values:
        params["model"]["name"], params["augment"]["turn"] = "unet", True
    params[section] |= values
    assert any(words in line for line in problems(params))


@pytest.mark.parametrize(
    ("name", "size", "crop", "tile", "words"),
    [
        ("unet", [100, 100], [96, 96], [64, 64], "unet takes sides that 32 divides"),
        ("unet", [128, 128], [96, 96], [64, 64], None),
        ("segnet_vgg16", [16, 64], None, [64, 64], "segnet_vgg16 takes sides of 32 pixels or more"),
        ("segnet_vgg16", [64, 31], [32, 32], [64, 64], "takes sides of 32 pixels or more"),
        ("segnet_vgg16", "native", [33, 40], [16, 64], "takes sides of 32 pixels or more"),
        ("segnet_vgg16", "native", [33, 40], [33, 64], None),
        ("segnet", [16, 16], None, [16, 16], None),
    ],
)
def test_whatever_a_network_is_to_see_has_sides_that_it_takes(
    params, name, size, crop, tile, words
):
    """Crops in training, whole pictures of image_size, or tiles of native ones."""
    params["model"]["name"], params["image_size"] = name, size
    params["train"]["crop"], params["predict"]["tile"] = crop, tile
    if words:
        assert any(words in line for line in problems(params))
    else:
        check(params)


def test_scenes_are_of_their_own_classes(params):
    params["train"] |= {"scenes": 0.2, "crop": [32, 32]}
    check(params)
    params["data"]["classes"] = {"background": 0, "erythrocyte": 1, "rod": 2}
    assert any(
        "train.scenes: scenes show background, erythrocyte, spirochaete, not your classes" in line
        for line in problems(params)
    )


def test_native_pictures_need_crops(params):
    params["image_size"] = "native"
    assert problems(params) == [
        "params.yaml: image_size: native pictures differ in size; set train.crop"
    ]
    params["train"]["crop"] = [64, 64]
    assert check(params).plain() == params


def test_what_is_published_is_written_as_registers_write_it(params):
    """An ORCID may end in X; without quotes a day is no text, and DVC would fail."""
    authors = ["Ada Author (0000-0002-1694-233X)", "Bo"]
    given = {"authors": authors, "licence": "cc-by-nc-4.0", "date": "20261126"}
    params["publish"] |= given
    found = check(params).publish
    assert (found.licence, found.date) == ("CC-BY-NC-4.0", "2026-11-26")
    assert [*map(name_and_orcid, found.authors)] == [
        ("Ada Author", "0000-0002-1694-233X"),
        ("Bo", None),
    ]
    params["publish"]["date"] = yaml.safe_load("2026-11-26")
    line = "params.yaml: publish.date: 2026-11-26 must be text; put it in quotes"
    assert problems(params) == [line]


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_sections_of_the_wrong_kind(params, value):
    params["train"] = value
    line = f"params.yaml: train: {value!r} is not a mapping of keys to values"
    assert problems(params) == [line]


def test_an_empty_section_lacks_all_its_keys(params):
    params["train"] = {}
    assert len(problems(params)) == len(Train.model_fields)


@pytest.mark.parametrize(
    "value", ["010", "09", "0o10", "yes", "No", "on", "OFF", "12:30", "[1, yes]", "{on: 1}"]
)
def test_what_snakemake_and_dvc_read_differently_is_refused(tmp_path, value):
    (tmp_path / "params.yaml").write_text(f"train:\n  epochs: {value}\n")
    with pytest.raises(UserError, match=r"train.epochs.*to Snakemake and .* to DVC; quote it if"):
        load(tmp_path / "params.yaml")


@pytest.mark.parametrize("value", ["1e-3", "1e3", "0.5", "1_000", "0x1f", "true", "'010'", '"no"'])
def test_what_both_read_alike_is_taken(tmp_path, value):
    (tmp_path / "params.yaml").write_text(f"train: {{epochs: {value}}}\n")
    load(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "b: {2: x, 02: y, 'a': 1, a: 2}\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"line ., .*a.*, repeats a key; keep one"):
        load(tmp_path / "params.yaml")


@pytest.mark.parametrize("other", [2, "02", "#020202", "002"])
def test_one_value_of_two_classes_is_refused(params, other):
    params["data"]["mask_values"][other] = "erythrocyte"
    assert problems(params) == [
        f"params.yaml: data.mask_values: '2', {other!r} are one value, but stand for erythrocyte "
        "and spirochaete; keep one"
    ]
    params["data"]["mask_values"][other] = "spirochaete"
    check(params)


def test_a_table_is_replaced_whole_and_settings_are_merged(params):
    one, two = {"0": "background", "7": "cell"}, {"0": "background", "9": "cell"}
    layers = [{"data": {"mask_values": one}}, {"data": {"mask_values": two}}, {"train": {}}]
    merged = replace_tables(params, layers)
    assert merged["data"] == params["data"] | {"mask_values": two}


def test_any_class_may_be_the_background_or_none(params):
    params["data"] |= {"classes": {"sky": 0, "road": 1, "erythrocyte": 2}, "background": None}
    params["data"]["mask_values"], params["objects"] = {"0": "sky"}, {"erythrocyte": "blob"}
    assert check(params).data.background is None
    params["data"]["background"] = "road"
    assert check(params).data.background == "road"
    params["data"]["background"] = "null"  # from --config
    assert check(params).data.background is None


def test_a_table_of_a_config_file_replaces_the_whole_table(params):
    layers = [{"objects": {"road": "component"}}, {"colours": {"road": "#123456"}}]
    replaced = replace_tables(params, layers)
    assert replaced["objects"] == {"road": "component"}
    assert replaced["colours"] == {"road": "#123456"}


def test_a_modules_config_may_leave_out_what_is_as_by_default(params):
    assert completed({}, "lab") == params
    own = {"train": {"epochs": 3}, "data": {"root": "mine"}}
    assert completed(own, "lab") == merged(params, own)
    streets = {
        "classes": {"sky": 0, "road": 1},
        "background": "sky",
        "mask_values": {"0": "sky", "1": "road"},
    }
    whole = completed({"data": streets, "train": {"class_weights": [1, 3]}}, "lab")
    assert whole["data"] == params["data"] | streets
    assert whole["objects"] == {}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"data": "pictures"}, "data: 'pictures' is not"),
        ({"data": None}, "data: None is not"),
        ({"train": {"epoches": 2}}, "train: unknown key 'epoches'; did you mean 'epochs'?"),
        ({"samples": "a.csv"}, "unknown key 'samples' (known: data,"),
    ],
)
def test_what_is_wrong_with_a_modules_config_is_said_of_the_module(config, said):
    with pytest.raises(UserError) as error:
        completed(config, "lab")
    assert str(error.value).startswith(f"config of module lab: {said}")
