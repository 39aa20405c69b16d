"""How kernels and tasks behave, as the published client 0.6.5 sees it.

- tasks are taken in while their kernel starts, run in order, and share the interpreter
- counters tell what runs, what is queued and what is ahead
- a queued task is cancelled at once, a running one is interrupted, an ended one is refused
- a terminated kernel cancels what is open and keeps what was said; it takes no more code
- every wait ends, whatever becomes of the kernel
- an idle kernel is terminated, a busy one is not
- want of memory is told
- what is printed once is one message; code has IPython's meaning

The scripts run at the same time: most of what they do is waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernelyard.agent.cgroups import Groups

from tests.support.live_server import LiveServer
from tests.support.published_h2o import published
from tools.h2o_for_tests import NEW

QUEUE = """
import os

WAIT = "while not os.path.exists(go):\\n    time.sleep(0.05)"
one = kernel(template("queue"), display_name="A", environmental_variables={"B": "c"})
go = os.path.abspath("go")
first = task(one.name, f"import os, time\\nprint(os.environ['B'])\\nx = 1\\ngo = {go!r}\\n" + WAIT)
second = task(one.name, "x += 1")
third = task(one.name, "raise ValueError('no ' * 2)")
fourth = task(one.name, "print(x)", "fourth")
begun = [word(one), word(first), first.sequence_number, fourth.sequence_number]
until(first.name, "EXECUTING")
busy = kernels.get_kernel(one.name)
ahead = [tasks.get_kernel_task(t.name).tasks_ahead_count for t in (first, second, fourth)]
tasks.cancel_kernel_task(name=second.name)
after = [word(tasks.get_kernel_task(second.name)), tasks.get_kernel_task(fourth.name).tasks_ahead_count]
open(go, "w").close()
ended(fourth)
idle = until(one.name, "RUNNING_IDLE")
done = tasks.get_kernel_task(third.name)
again = [refused(tasks.cancel_kernel_task, name=t.name) for t in (first, second, third)]
tell(
    begun=begun,
    busy=[word(busy), busy.current_task == first.name, busy.current_task_sequence_number, busy.task_queue_size],
    ahead=ahead,
    after=after,
    idle=[idle.current_task, idle.current_task_sequence_number, idle.task_queue_size],
    active=[one.last_activity_time is None, idle.last_activity_time > idle.create_time],
    error=[word(done), done.error, done.error_value, "ValueError" in done.traceback],
    said=[said(t) for t in (first, second, third, fourth)],
    order=[t.sequence_number for t in tasks.list_all_kernel_tasks(parent=one.name)],
    times=done.execution_start_time < done.complete_time,
    again=again,
    info=[idle.kernel_template_info.max_idle_duration, idle.kernel_image_info.kernel_image_type.name],
)
kernels.delete_kernel(one.name)
"""
CANCELLING = """
one = kernel(template("cancelling"))
long = task(one.name, "import time\\nprint('so far')\\ntime.sleep(600)")
behind = task(one.name, "print('behind')")
until_it_has_said(long, "so far\\n")
tasks.cancel_kernel_task(name=long.name)
done = ended(long)
ended(behind)
output = tasks.get_kernel_task_output(long.name)
tell(
    state=word(done),
    error=[done.error, done.error_value, done.traceback],
    said=[said(long), said(behind)],
    output=[output.stdout, output.stderr, output.attachments],
    again=refused(tasks.cancel_kernel_task, name=long.name),
)
kernels.delete_kernel(one.name)
"""
TERMINATING = """
one = kernel(template("terminating"))
early = ended(task(one.name, "print('early')"))
running = task(one.name, "import time\\nprint('begun')\\ntime.sleep(600)")
queued = task(one.name, "1")
until_it_has_said(running, "begun\\n")
answer = word(kernels.terminate_kernel(name=one.name))
at_once = [word(tasks.get_kernel_task(t.name)) for t in (early, running, queued)]
waited = word(tasks.wait_task_completed(name=running.name, timeout_seconds=30))
until(one.name, "TERMINATED")
later = [word(tasks.get_kernel_task(t.name)) for t in (early, running, queued)]
tell(
    answer=answer,
    at_once=at_once,
    waited=waited,
    later=later,
    said=[said(early), said(running)],
    again=word(kernels.terminate_kernel(name=one.name)),
    more=refused(task, one.name, "1"),
    deleted=refused(kernels.delete_kernel, one.name),
    gone=[refused(kernels.get_kernel, one.name), refused(messages, early)],
)
"""
DELETING = """
one = kernel(template("deleting"), "busy")
running = task(one.name, "import time\\nprint('begun')\\ntime.sleep(600)")
until_it_has_said(running, "begun\\n")
twice = refused(kernel, one.kernel_template, "busy")
kernels.delete_kernel(name=one.name)
kernels.wait_kernel_deleted(name=one.name, timeout_seconds=60)
again = kernel(one.kernel_template, "busy")
tell(
    twice=twice,
    waiting=refused(tasks.wait_task_completed, name=running.name),
    name=again.name == one.name,
    empty=tasks.list_all_kernel_tasks(parent=again.name),
)
kernels.delete_kernel(name=again.name)
"""
IDLE = """
import os

of = template("short", max_idle_duration="3s")
idle, busy = kernel(of), kernel(of)
quick = task(idle.name, "print('kept')")
go = os.path.abspath("over")
code = "import os, time\\ntime.sleep(5)\\nwhile not os.path.exists(%r):\\n    time.sleep(0.05)\\nprint('slow')"
slow = task(busy.name, code % go)
culled = until(idle.name, "TERMINATED")
was = word(until(busy.name, "RUNNING_BUSY"))
open(go, "w").close()
ended(slow)
tell(
    culled=[culled.failure_reason, said(quick), refused(task, idle.name, "1")],
    busy=[was, said(slow)],
    later=word(until(busy.name, "TERMINATED")),
)
for one in (idle, busy):
    kernels.delete_kernel(name=one.name)
"""
MEMORY = """
one = kernel(template("small", memory_bytes_limit="300Mi"))
eating = task(one.name, "hungry = bytearray(10)\\nwhile True:\\n    hungry += bytes(10_000_000)")
behind = task(one.name, "1")
done = tasks.wait_task_completed(name=eating.name, timeout_seconds=80)
dead = kernels.get_kernel(one.name)
tell(
    task=[word(done), done.error],
    behind=word(ended(behind)),
    kernel=[word(dead), dead.failure_reason],
    more=refused(task, one.name, "1"),
)
kernels.delete_kernel(name=one.name)
"""
MEANING = """
one = kernel(template("meaning"))
codes = [
    "print('x')",
    "    a = 20\\n    print(a)",
    "!echo shell",
    "%%capture kept\\nprint('hidden')",
    "import sys; print('to', 'stderr', file=sys.stderr)",
    "import matplotlib.pyplot as plt\\nplt.plot([2, 8], [4, 9])\\nplt.show()",
    "40 + 2",
    "from IPython.display import JSON, display; display(JSON({'a': [1]}))",
    "print('half', end='')",
    "'open",
    "grüße = 'ä\\U0001f600'; print(grüße)",
]
ran = [task(one.name, code) for code in codes]
ended(ran[-1])
shown = [messages(t) for t in ran]
syntax = tasks.get_kernel_task(ran[9].name)
data = shown[7][0].display_message.display_message_data
output = tasks.get_kernel_task_output(ran[5].name)
tell(
    said=[said(t) for t in ran],
    errors=[message.std_err is not None for message in shown[4]],
    result=shown[6][0].display_message.display_message_data["text/plain"].decode(),
    json=json.loads(data["application/json"]),
    syntax=[word(syntax), syntax.error, syntax.error_value],
    png=shown[5][0].display_message.display_message_data["image/png"][:6].decode(),
    attached=[sorted(part.mime_type for part in one.data) for one in output.attachments],
    code=[t.code for t in ran] == [tasks.get_kernel_task(t.name).code for t in ran],
)
kernels.delete_kernel(name=one.name)
"""
MANY = """
one = kernel(template("many"))
many = ended(task(one.name, "import sys\\nfor i in range(120):\\n    print(i); sys.stdout.flush()"))
first = tasks.list_kernel_task_messages(kernel_task_name=many.name)
second = tasks.list_kernel_task_messages(
    kernel_task_name=many.name, page_size=50, page_token=first.next_page_token
)
everything = said(many)
tell(
    pages=[len(first.kernel_task_messages), len(second.kernel_task_messages)],
    whole="".join(everything).split() == [str(i) for i in range(120)],
    large=len(tasks.list_kernel_task_messages(kernel_task_name=many.name, page_size=1001).kernel_task_messages),
    bad=[
        refused(tasks.list_kernel_task_messages, kernel_task_name=many.name, page_size=-1),
        refused(tasks.list_kernel_task_messages, kernel_task_name=many.name, page_token="no"),
        refused(tasks.list_kernel_tasks, parent=one.name, page_token="no"),
        refused(kernels.list_kernels, parent=PARENT, page_size=-1),
    ],
    ids=[
        refused(kernel, one.kernel_template, "x" * 64),
        refused(kernel, one.kernel_template, "Capital"),
        refused(task, one.name, "1", "-"),
        refused(kernel, "workspaces/default/kernelTemplates/none"),
    ],
    code=refused(task, one.name, "x" * 10_000_000),
)
kernels.delete_kernel(name=one.name)
"""
SCRIPTS = {
    "queue": QUEUE,
    "cancelling": CANCELLING,
    "terminating": TERMINATING,
    "deleting": DELETING,
    "idle": IDLE,
    "memory": MEMORY,
    "meaning": MEANING,
    "many": MANY,
}
Told = Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def told(tidied: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What the scripts have told."""
    client = published(
        NEW, tmp_path_factory.mktemp("behaviour"), url=tidied.url, token=tidied.token
    )
    scripts = dict(SCRIPTS)
    groups = Groups.find("kernelyard-test-of-access")
    if "memory" not in groups.parents:
        del scripts["memory"]
    groups.close()
    with ThreadPoolExecutor(4) as threads:
        running = {
            name: threads.submit(client.told, script, seconds=200)
            for name, script in scripts.items()
        }
        return {name: one.result() for name, one in running.items()}


def test_tasks_are_taken_in_while_their_kernel_starts_and_share_the_interpreter(told: Told) -> None:
    queue = told["queue"]
    assert queue["begun"] == ["STARTING", "QUEUED", 1, 4]
    assert queue["said"] == [["c\n"], [], [], ["1\n"]]
    assert queue["order"] == [4, 3, 2, 1]


def test_counters_tell_what_runs_what_is_queued_and_what_is_ahead(told: Told) -> None:
    queue = told["queue"]
    assert queue["busy"] == ["RUNNING_BUSY", True, 1, 3]
    assert queue["ahead"] == [0, 1, 3]
    assert queue["after"] == ["CANCELLED", 2]
    assert queue["idle"] == ["", 0, 0]
    assert queue["active"] == [True, True]
    assert queue["info"] == ["1h", "TYPE_PYTHON"]


def test_an_error_is_told_in_the_tasks_fields(told: Told) -> None:
    queue = told["queue"]
    assert queue["error"] == ["COMPLETE_ERROR", "ValueError", "no no ", True]
    assert queue["times"] is True


def test_what_has_ended_cannot_be_cancelled(told: Told) -> None:
    assert told["queue"]["again"] == [400, 400, 400]
    assert told["cancelling"]["again"] == 400


def test_a_running_task_is_interrupted_and_keeps_what_it_said(told: Told) -> None:
    cancelling = told["cancelling"]
    assert (cancelling["state"], cancelling["error"]) == ("CANCELLED", ["", "", ""])
    assert cancelling["said"] == [["so far\n"], ["behind\n"]]
    assert cancelling["output"] == ["so far\n", "", []]


def test_a_terminated_kernel_cancels_what_is_open_and_keeps_what_was_said(told: Told) -> None:
    terminating = told["terminating"]
    ends = ["COMPLETE_SUCCESS", "CANCELLED", "CANCELLED"]
    assert terminating["answer"] == "TERMINATING"
    assert (terminating["at_once"], terminating["later"]) == (ends, ends)
    assert terminating["waited"] == "CANCELLED"
    assert terminating["said"] == [["early\n"], ["begun\n"]]
    assert (terminating["again"], terminating["more"]) == ("TERMINATED", 400)
    assert (terminating["deleted"], terminating["gone"]) == ("not refused", [404, 404])


def test_a_busy_kernel_is_deleted_and_its_id_is_free(told: Told) -> None:
    assert told["deleting"] == {"twice": 409, "waiting": 404, "name": True, "empty": []}


def test_an_idle_kernel_is_terminated_and_a_busy_one_is_not(told: Told) -> None:
    idle = told["idle"]
    assert idle["culled"] == ["", ["kept\n"], 400]
    assert idle["busy"] == ["RUNNING_BUSY", ["slow\n"]]
    assert idle["later"] == "TERMINATED"


def test_want_of_memory_is_told(told: Told) -> None:
    if "memory" not in told:
        pytest.skip("no control group of memory may be made here")
    memory = told["memory"]
    assert memory["task"] == ["COMPLETE_ERROR", "KernelDied"]
    assert memory["behind"] == "CANCELLED"
    assert memory["kernel"][0] in ("TERMINATING", "FAILED")
    assert memory["kernel"][1].startswith("container kernel failed: OOMKilled: ")
    assert "memory" in memory["kernel"][1].removeprefix("container kernel failed: OOMKilled: ")
    assert memory["more"] == 400


def test_what_is_said_once_is_one_message_and_code_has_the_meaning_of_ipython(told: Told) -> None:
    meaning = told["meaning"]
    assert meaning["said"] == [
        ["x\n"],
        ["20\n"],
        ["shell\r\n"],
        [],
        ["to stderr\n"],
        [["image/png", "text/plain"]],
        [["text/plain"]],
        [["application/json", "text/plain"]],
        ["half"],
        [],
        ["ä\U0001f600\n"],
    ]
    assert meaning["errors"] == [True]
    assert meaning["code"] is True


def test_what_is_displayed_comes_with_all_its_forms(told: Told) -> None:
    meaning = told["meaning"]
    assert (meaning["result"], meaning["json"]) == ("42", {"a": [1]})
    assert meaning["png"] == "iVBORw"
    assert meaning["attached"] == [["image/png", "text/plain"]]


def test_an_error_of_syntax_names_its_cell(told: Told) -> None:
    state, error, value = told["meaning"]["syntax"]
    assert (state, error) == ("COMPLETE_ERROR", "SyntaxError")
    assert value.endswith(".py, line 1)")


def test_lists_come_in_pages(told: Told) -> None:
    many = told["many"]
    assert many["pages"][0] == 50
    assert (many["whole"], many["large"] > 50) == (True, True)
    assert many["bad"] == [400, 400, 400, 400]


def test_what_is_malformed_or_too_large_is_refused(told: Told) -> None:
    assert told["many"]["ids"] == [400, 400, 400, 404]
    assert told["many"]["code"] in (400, 413)
