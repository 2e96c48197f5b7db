"""Settings: each described, each wrong one named with its variable."""

import base64
from pathlib import Path

import pytest

from hub import documentation
from hub.documentation.pages import settings_page
from hub.errors import SettingsError
from hub.settings import Settings, load_settings, variables
from tests.program import STACKS

ROOT = STACKS.parent


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described_in_a_sentence(name: str) -> None:
    description = Settings.model_fields[name].description or ""
    assert len(description) > 15
    assert description.endswith((".", ")"))


@pytest.mark.parametrize("name", documentation.FILES)
def test_the_pages_that_are_made_from_the_code_are_current(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == documentation.FILES[name]()


def test_the_page_names_every_variable() -> None:
    page = settings_page()
    for name in Settings.model_fields:
        assert f"| `HUB_{name.upper()}` |" in page


def test_a_page_that_is_out_of_date_is_named(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path_factory.mktemp("pages")
    for name in documentation.FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    assert documentation.main(["--check"]) == 1
    assert "docs/settings.md" in capsys.readouterr().err
    assert documentation.main([]) == 0
    assert documentation.main(["--check"]) == 0
    (folder / "docs/settings.md").write_text("Something else.")
    assert documentation.main(["--check"]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "web"),
        ("lease_s", "0"),
        ("max_body_bytes", "many"),
        ("deliver_per_destination", "0"),
        ("log_level", "loud"),
        ("admin_key", "too short to be a secret"[:23]),
        ("database_url", "mysql://root@localhost/hub"),
        ("files_url", "https://bucket.example"),
        ("files_url", "s3:///prefix"),
        ("files_keep_s", "0"),
        ("redis_url", "localhost:6379"),
        ("redis_url", "http://localhost:6379"),
        ("redis_url", "redis://localhost:web"),
        ("public_url", "hub.example.org"),
        ("outbound_allow", "10.0.0.0/8,everything"),
        ("outbound_allow", "10.0.0.1/8"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", ""),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"HUB_{name.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.message.startswith(f"{variable}: ")
    assert "\n" not in refused.value.message
    assert "Value error" not in refused.value.message


def test_the_time_zone_is_utc_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().timezone == "UTC"
    monkeypatch.setenv("HUB_TIMEZONE", "Europe/Berlin")
    assert load_settings().timezone == "Europe/Berlin"


def test_several_wrong_values_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PORT", "-1")
    monkeypatch.setenv("HUB_LEASE_S", "soon")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "HUB_PORT: " in refused.value.message
    assert "HUB_LEASE_S: " in refused.value.message


def test_a_key_that_is_too_short_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_ADMIN_KEY", "hunter2")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "hunter2" not in refused.value.message
    assert "24 characters" in refused.value.message


def test_what_the_command_line_gives_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PORT", "8001")
    monkeypatch.setenv("HUB_HOST", "0.0.0.0")  # noqa: S104 - only read, nothing listens
    settings = load_settings(port=8002, host=None)
    assert (settings.port, settings.host) == (8002, "0.0.0.0")  # noqa: S104 - the same


@pytest.mark.parametrize("text", ["a,b", " a , b ,", "a,,b"])
def test_lists_are_written_with_commas(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TRUSTED_PROXIES", text)
    assert load_settings().trusted_proxies == ("a", "b")


@pytest.mark.parametrize(
    "url", ["redis://localhost", "rediss://:word@cache:6380/2", "unix:///data/valkey.sock?db=0"]
)
def test_every_way_to_reach_redis_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_REDIS_URL", url)
    assert load_settings().redis_url == url


def test_the_process_environment_gives_variables_for_stacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUB_VAR_SHOP_URL", "https://shop.example.org")
    assert variables()["SHOP_URL"] == "https://shop.example.org"
    assert "HUB_VAR_SHOP_URL" not in variables()


def test_settings_cannot_be_changed_and_do_not_show_the_key() -> None:
    settings = load_settings(admin_key="a-key-that-nobody-is-to-read")
    assert "nobody" not in repr(settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that is what must not be


KEYS = (bytes(range(32)), bytes(range(1, 33)))
BASE64 = base64.b64encode(KEYS[0]).decode()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (BASE64, KEYS[:1]),
        (BASE64.rstrip("="), KEYS[:1]),
        (base64.urlsafe_b64encode(b"\xff" * 32).decode(), (b"\xff" * 32,)),
        (KEYS[0].hex(), KEYS[:1]),
        (f"{BASE64}, {KEYS[1].hex()}", KEYS),
    ],
)
def test_keys_for_secrets_are_32_bytes_in_base64_or_hexadecimal(
    text: str, keys: tuple[bytes, ...], tmp_path: Path
) -> None:
    assert load_settings(secret_key=text).secret_keys == keys
    file = tmp_path / "key"
    file.write_text(text.replace(", ", "\n") + "\n")
    settings = load_settings(secret_key_file=file)
    assert settings.secret_keys == keys
    assert text not in repr(load_settings(secret_key=text))
    assert load_settings().secret_keys == ()


@pytest.mark.parametrize("text", ["", ",", "short", "x" * 64, BASE64 + "A", f"{BASE64},short"])
def test_a_key_of_another_length_is_refused_without_repeating_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(text)
    for given in ({"secret_key": text}, {"secret_key_file": tmp_path / "key"}):
        with pytest.raises(SettingsError, match=f"HUB_{next(iter(given)).upper()}") as caught:
            load_settings(**given)
        assert len(text) < 6 or text not in caught.value.message


def test_a_key_file_that_cannot_be_read_or_stands_beside_the_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(secret_key_file=tmp_path / "nowhere")
    (tmp_path / "key").write_text(BASE64)
    with pytest.raises(SettingsError, match="one of the two"):
        load_settings(secret_key=BASE64, secret_key_file=tmp_path / "key")


@pytest.mark.parametrize(
    "url", ["proxy:3128", "socks5://p:1", "https://p:1", "http://", "http://p:x", "http://p/a"]
)
def test_a_proxy_is_an_address_of_http(url: str) -> None:
    assert load_settings(outbound_proxy="http://a:b@proxy:3128").outbound_proxy is not None
    with pytest.raises(SettingsError, match="HUB_OUTBOUND_PROXY"):
        load_settings(outbound_proxy=url)


def test_who_is_told_of_errors_is_who_is_told_at_all_unless_set_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().told_of_errors == ()
    monkeypatch.setenv("HUB_NOTIFY_DESTINATIONS", "slack, make")
    assert load_settings().notify_destinations == ("slack", "make")
    assert load_settings().told_of_errors == ("slack", "make")
    monkeypatch.setenv("HUB_NOTIFY_ERROR_DESTINATIONS", "pager")
    assert load_settings().told_of_errors == ("pager",)
    monkeypatch.setenv("HUB_NOTIFY_ERROR_DESTINATIONS", "")
    assert load_settings().told_of_errors == ()
