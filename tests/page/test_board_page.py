"""The Jira board in a browser: tickets appear, and are moved as in the real one."""

from typing import Any

import httpx

from bot.sandbox.box import Sandbox
from tests.page.conftest import Open


async def create(sandbox: Sandbox, summary: str) -> str:
    fields: dict[str, Any] = {"project": {"key": "ML"}, "issuetype": {"name": "Bug"}, "summary": summary}
    async with httpx.AsyncClient(auth=("bot@example.com", "sandbox"), trust_env=False) as client:
        answer = await client.post(f"{sandbox.address}/jira/rest/api/3/issue", json={"fields": fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def test_a_ticket_appears_and_is_moved(page: Open, sandbox: Sandbox) -> None:
    window = await page("/jira")
    await window.wait(".column")
    key = await create(sandbox, "fraud-scorer <b>rejects</b> payments")
    await window.wait(f"#issue-{key}")

    await window.js(
        f"(() => {{ const s = document.querySelector('#issue-{key} select'); s.value = 'Done';"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    await window.wait(f".column[data-category=done] #issue-{key}")

    assert "<b>rejects</b>" in await window.js(f"document.querySelector('#issue-{key}').innerText")
    issue = next(one for one in sandbox.world.issues.values() if one["key"] == key)
    assert issue["fields"]["status"]["name"] == "Done"


async def test_an_issue_has_a_page(page: Open, sandbox: Sandbox) -> None:
    key = await create(sandbox, "fraud-scorer rejects payments")
    window = await page(f"/jira/browse/{key}")

    await window.wait(".issue-page")

    assert "fraud-scorer rejects payments" in await window.js("document.querySelector('.issue-page').innerText")


async def test_a_ticket_is_dragged_to_another_column(page: Open, sandbox: Sandbox) -> None:
    key = await create(sandbox, "fraud-scorer rejects payments")
    window = await page("/jira")
    await window.wait(f"#issue-{key}")

    await window.js(f"""(() => {{
      const dataTransfer = new DataTransfer();
      const tell = (element, type) =>
        element.dispatchEvent(new DragEvent(type, {{ bubbles: true, cancelable: true, dataTransfer }}));
      const column = document.querySelector('[data-category=indeterminate]');
      tell(document.querySelector('#issue-{key}'), 'dragstart');
      tell(column, 'dragover');
      tell(column, 'drop');
    }})()""")

    await window.wait(f".column[data-category=indeterminate] #issue-{key}")
