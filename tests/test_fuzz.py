"""Ten seconds of what `make fuzz` does for longer."""

import pytest
from fuzz import TARGETS, fuzz


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it passes over in a broken file
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_but_a_clear_refusal(target):
    tried, findings = fuzz(target, seconds=5)
    assert tried > 0
    assert findings == []
