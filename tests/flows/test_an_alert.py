"""From a captured notification to a solved incident: what people see and do, in Slack and in Jira."""

import json
from pathlib import Path
from typing import Any

import integrations.alertmanager

EXAMPLES = Path(integrations.alertmanager.__file__).parent / "examples"


def captured(name: str, **instead: str) -> Any:
    """Return a captured notification, with some of its words changed."""
    text = (EXAMPLES / f"webhook_{name}.json").read_text()
    for word, other in instead.items():
        text = text.replace(word.replace("_", "-"), other)
    return json.loads(text)["body"]


async def test_debug(company: Any) -> None:
    answer = await company.deliver("alertmanager", captured("single_firing", churn_scorer="fraud-scorer"))
    assert answer["recorded"] == 1
    card = await company.see("ml-fraud", "slack/incident/1", "INC-1", "SEV2", "ModelLatencyHigh", "ML-1")
    print(json.dumps(card, indent=1)[:3000])
    state = await company.state()
    print(company.shown(state, "ml-fraud"))
    print(json.dumps(state["issues"], indent=1)[:3000])
    print(state["ephemerals"], state["views"])
