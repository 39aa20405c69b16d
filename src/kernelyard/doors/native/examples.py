"""One example of each thing, for the API pages. A test checks them against the shapes."""

from __future__ import annotations

from kernelyard.doors.native import image_shapes, shapes
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.records import RecordKind
from kernelyard.model.resolving import How
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import QueuePolicy, RestartPolicy, StartWay

_KERNEL_ID = "6f1c0de2-4a53-4c0f-9d1e-0f5a2b7c8d90"
_TASK_ID = "b2f7a9c4-1d3e-4f60-8a7b-9c0d1e2f3a4b"
_MORNING = "2026-03-01T09:00:00.000000Z"
_LATER = "2026-03-01T09:00:01.250000Z"

IMAGE: image_shapes.Image = {
    "name": "python3",
    "reference": "kernelspec/python3",
    "display_name": "Python 3",
    "language": "python",
    "version": "3.12.3",
    "ready": True,
    "problem": None,
    "disabled": False,
    "registered": False,
    "resources": {"logo-64x64.png": "/v1/images/python3/resources/logo-64x64.png"},
    "parameters": {
        "type": "object",
        "properties": {"level": {"enum": ["INFO", "DEBUG"], "default": "INFO"}},
    },
    "start": "fork",
    "start_reason": None,
}
IMAGES: image_shapes.ImageList = {
    "items": [IMAGE],
    "next_cursor": None,
    "broken": [],
    "slow": [{"provider": "conda", "listed_at": _MORNING}],
    "hidden": [],
}
RESOLUTION: image_shapes.Resolution = {
    "image": "python3",
    "how": How.NAME,
    "because": "the notebook names it",
    "passed_over": [],
}

_FIELDS: shapes.TemplateFields = {
    "milli_cpu_limit": 1000,
    "cpu_seconds_limit": 0,
    "memory_bytes_limit": 1073741824,
    "processes_limit": 0,
    "file_bytes_limit": 0,
    "gpu": 0,
    "storage_bytes": 0,
    "environment": {"OMP_NUM_THREADS": "1"},
    "max_idle_duration": 3600.0,
    "max_life_duration": None,
    "attached_keeps_alive": True,
    "restart_policy": RestartPolicy.NEVER,
    "queue_on_death": QueuePolicy.KEEP,
    "preload": ["numpy", "pandas"],
    "start": StartWay.AUTO,
    "engine_options": {},
    "pod": {
        "milli_cpu_request": 0,
        "memory_bytes_request": 0,
        "gpu_resource": "",
        "storage_class": "",
        "manifest": "",
    },
}
TEMPLATE: shapes.Template = {
    "name": "small",
    "display_name": "Small",
    "owner": "ada",
    **_FIELDS,
    "disabled": False,
    "created_at": _MORNING,
    "updated_at": _MORNING,
}
TEMPLATES: shapes.TemplateList = {"items": [TEMPLATE], "next_cursor": None}

KERNEL: shapes.Kernel = {
    "id": _KERNEL_ID,
    "name": None,
    "display_name": "",
    "owner": "ada",
    "owned": True,
    "image": {
        "name": "python3",
        "reference": "kernelspec/python3",
        "display_name": "Python 3",
        "language": "python",
    },
    "template": {"name": "small", **_FIELDS},
    "environment": {},
    "parameters": {"level": "DEBUG"},
    "path": "/data/report.ipynb",
    "labels": {"team": "vision"},
    "priority": 0,
    "state": KernelState.BUSY,
    "reason": None,
    "cause": None,
    "exit_code": None,
    "signal": None,
    "will_stop_at": None,
    "will_stop_because": None,
    "current_task": _TASK_ID,
    "current_task_number": 1,
    "queued_tasks": 2,
    "restarts": 0,
    "started": "fork",
    "last_number": 4,
    "language_info": {"name": "python", "version": "3.12.3"},
    "created_at": _MORNING,
    "launched_at": _MORNING,
    "ready_at": _LATER,
    "ended_at": None,
    "last_activity_at": _LATER,
    "outputs_removed_at": None,
}
KERNEL_LOG: shapes.KernelLog = {
    "text": "warning: the disk is nearly full\n",
    "begin": 0,
    "end": 33,
    "size": 33,
    "kept_from": 0,
}
CONNECTION_FILE: shapes.ConnectionFile = {
    "transport": "tcp",
    "ip": "127.0.0.1",
    "shell_port": 40123,
    "iopub_port": 40124,
    "stdin_port": 40125,
    "control_port": 40126,
    "hb_port": 40127,
    "key": "5f0c…",
    "signature_scheme": "hmac-sha256",
    "kernel_name": "python3",
    "kernel_id": KERNEL["id"],
}
CREATED_KERNEL: shapes.CreatedKernel = {**KERNEL, "created": True}
ATTACHED_KERNEL: shapes.CreatedKernel = {
    **KERNEL,
    "name": "laboratory",
    "owned": False,
    "started": None,
    "image": {
        "name": "foreign/python3",
        "reference": "foreign/python3",
        "display_name": "python3",
        "language": "",
    },
    "created": True,
}
KERNEL_WITH_HISTORY: shapes.KernelWithHistory = {
    **KERNEL,
    "history": [
        {"state": "starting", "reason": None, "cause": None, "at": _MORNING},
        {"state": "idle", "reason": None, "cause": None, "at": _LATER},
    ],
}
KERNELS: shapes.KernelList = {"items": [KERNEL], "next_cursor": "azQy"}

TASK: shapes.Task = {
    "id": _TASK_ID,
    "kernel_id": _KERNEL_ID,
    "number": 1,
    "code": "print('hello')",
    "labels": {},
    "needs": None,
    "time_limit": None,
    "silence_limit": None,
    "restart_if_stuck": True,
    "state": TaskState.SUCCEEDED,
    "reason": None,
    "cause": None,
    "stopped_by": None,
    "state_preserved": None,
    "error": None,
    "execution_count": 1,
    "ahead": 0,
    "cancel_requested": False,
    "created_at": _MORNING,
    "started_at": _MORNING,
    "ended_at": _LATER,
}
TASKS: shapes.TaskList = {"items": [TASK], "next_cursor": None}

OUTPUT: shapes.Output = {
    "number": 4,
    "at": _LATER,
    "task": 1,
    "kind": RecordKind.STREAM,
    "content": {"name": "stdout", "text": "hello\n"},
}
OUTPUTS: shapes.OutputPage = {"items": [OUTPUT], "last": 4, "complete": False}
EVENTS = (
    f'id: 4\nevent: stream\ndata: {{"number":4,"at":"{_LATER}","task":1,"kind":"stream",'
    '"content":{"name":"stdout","text":"hello\\n"}}\n\n: alive\n\n'
)
CHANGE: shapes.Event = {
    "number": 7,
    "at": _LATER,
    "kernel_id": _KERNEL_ID,
    "task_id": _TASK_ID,
    "image": None,
    "state": "lost",
    "reason": "the kernel was killed by SIGKILL while this ran; what it said until then is kept",
    "cause": "died",
}
CHANGES: shapes.EventPage = {"items": [CHANGE], "last": 7, "newest": 7}
CHANGE_EVENTS = (
    f'id: 7\nevent: task\ndata: {{"number":7,"at":"{_LATER}","kernel_id":"{_KERNEL_ID}",'
    f'"task_id":"{_TASK_ID}","image":null,"state":"succeeded","reason":null,"cause":null}}\n\n'
)
RESULT: shapes.Result = {
    "task": TASK,
    "stdout": "hello\n",
    "stderr": "",
    "results": [
        {
            "kind": RecordKind.EXECUTE_RESULT,
            "data": {"text/plain": "42"},
            "metadata": {},
            "execution_count": 1,
        }
    ],
    "cut_bytes": 0,
    "gaps": 0,
    "outputs_removed": False,
}

INTERRUPT: shapes.Interrupt = {"outcome": "effective", "restarting": False}
SIGNAL: shapes.Signal = {"delivered": True}
