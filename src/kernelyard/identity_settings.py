"""Settings of an identity provider whose tokens are accepted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, field_validator

from kernelyard.setting_values import Seconds, as_written

_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class IdentitySettings(BaseModel):
    """Whose tokens are taken beside those that this server makes."""

    oidc_issuer: str | None = Field(
        None,
        description="Issuer of an identity provider whose tokens (OIDC, JWT) are accepted, as it stands "
        "in them, such as https://login.example.org/realms/lab.",
    )
    oidc_audience: str = Field(
        "", description="Audience that such a token must be meant for; needed with oidc_issuer."
    )
    oidc_user_claim: str = Field(
        "sub", min_length=1, description="Claim of such a token that is the user's name."
    )
    oidc_role_claim: str = Field(
        "",
        description="Claim with roles or groups, such as groups or realm_access.roles; without it "
        "nobody is made an administrator by a token.",
    )
    oidc_admin_values: str = Field(
        "", description="Values of that claim that make an administrator, separated by commas."
    )
    oidc_algorithms: str = Field(
        "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,Ed25519,EdDSA",
        min_length=1,
        description="Signatures that are accepted, separated by commas.",
    )
    oidc_leeway: Seconds = Field(
        as_written("60s"),
        le=600,
        description="How far the provider's clock may be from this server's, such as 60s.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _trusted(cls, value: str | None) -> str | None:
        if not value:
            return None
        if value.startswith("https://") or any(
            value == local or value.startswith((f"{local}:", f"{local}/")) for local in _LOCAL
        ):
            return value
        raise ValueError("write an https address; http is for this machine alone")

    @field_validator("oidc_audience")
    @classmethod
    def _needed(cls, value: str, info: Any) -> str:
        if info.data.get("oidc_issuer") and not value.strip():
            raise ValueError(
                "write the audience that tokens of the oidc_issuer must be meant for, such as kernelyard"
            )
        return value.strip()

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric(cls, value: str) -> str:
        known = cls.model_fields["oidc_algorithms"].default.split(",")
        for name in listed(value):
            if name not in known:
                raise ValueError(f"{name!r} is not accepted; choose from {', '.join(known)}")
        return value


def listed(text: str) -> list[str]:
    """The items of a list that is written with commas."""
    return [item.strip() for item in text.split(",") if item.strip()]
