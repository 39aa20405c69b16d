"""Who asks: an administrator sees everything, a user what is his own."""

from __future__ import annotations

from kernelyard.model.principals import Principal, Role


def test_an_administrator_sees_the_things_of_all() -> None:
    root = Principal("root", Role.ADMIN)
    assert root.is_admin
    assert root.sees is None


def test_a_user_sees_his_own_things() -> None:
    ada = Principal("ada", Role.USER)
    assert not ada.is_admin
    assert ada.sees == "ada"
