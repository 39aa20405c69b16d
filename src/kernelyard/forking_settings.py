"""Settings of the processes that kernels are forked from."""

from __future__ import annotations

from pydantic import BaseModel, Field

from kernelyard.setting_values import Seconds, as_written


class ForkingSettings(BaseModel):
    """How many there are, how old they become, and whether they fork before they are asked."""

    zygotes: int = Field(
        4,
        ge=0,
        le=100,
        description="Most processes that are kept to fork kernels from; 0 starts each kernel as a new "
        "program. Holds from the agent's next start.",
    )
    zygote_ahead: int = Field(
        1,
        ge=0,
        le=1,
        description="Whether each of these processes forks one kernel before anybody asks for it, which halves "
        "the time to a first result and takes the memory of an idle kernel; 0: none does. Holds from the "
        "agent's next start.",
    )
    zygote_age_seconds: Seconds = Field(
        as_written("24h"),
        description="How old such a process may become before it is replaced, such as 24h. Holds from "
        "the agent's next start.",
    )
    zygote_boot_seconds: Seconds = Field(
        as_written("60s"),
        description="How long such a process may take to import what it preloads, such as 60s. Holds "
        "from the agent's next start.",
    )
