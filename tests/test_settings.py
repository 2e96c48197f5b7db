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
        ("outbound_allow", "0.0.0.0/0"),
        ("outbound_allow", "10.0.0.0/8,::/0"),
        ("trusted_proxies", "*"),
        ("trusted_proxies", "10.0.0.1,*"),
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
    "url",
    [
        "redis://localhost",
        "rediss://:a-good-word@cache:6380/2?ssl_check_hostname=true",
        "rediss://cache?ssl_check_hostname=false&ssl_ca_certs=/ca.pem",
        "unix:///data/valkey.sock?db=0",
    ],
)
def test_every_way_to_reach_redis_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_REDIS_URL", url)
    assert load_settings().redis_url == url


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("rediss://cache:6380/2", "rediss://cache:6380/2?ssl_check_hostname=true"),
        ("rediss://cache?db=1", "rediss://cache?db=1&ssl_check_hostname=true"),
    ],
)
def test_the_name_in_a_certificate_of_redis_is_looked_at_unless_told(url: str, seen: str) -> None:
    assert load_settings(redis_url=url).redis_url == seen


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


KEYS = (bytes(range(32)), bytes(range(1, 33)), bytes(range(224, 256)))
BASE64 = base64.b64encode(KEYS[0]).decode()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (BASE64, KEYS[:1]),
        (BASE64.rstrip("="), KEYS[:1]),
        (base64.urlsafe_b64encode(KEYS[2]).decode(), KEYS[2:]),
        (KEYS[0].hex(), KEYS[:1]),
        (f"{BASE64}, {KEYS[1].hex()}", KEYS[:2]),
    ],
)
def test_keys_for_secrets_are_32_bytes_in_base64_or_hexadecimal(
    text: str, keys: tuple[bytes, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(secret_key=text).secret_keys == keys
    assert text not in repr(load_settings(secret_key=text))
    assert load_settings().secret_keys == ()
    file = tmp_path / "key"
    file.write_text(text.replace(", ", "\n") + "\n")
    monkeypatch.setenv("HUB_SECRET_KEY_FILE", str(file))
    assert load_settings().secret_keys == keys


@pytest.mark.parametrize(
    "text",
    ["", ",", "short", "x" * 64, BASE64 + "A", f"{BASE64},short", "00" * 32, "0102" * 16],
)
def test_a_key_of_another_length_or_of_few_bytes_is_refused_without_repeating_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="HUB_SECRET_KEY: ") as caught:
        load_settings(secret_key=text)
    assert len(text) < 6 or text not in caught.value.message
    (tmp_path / "key").write_text(text)
    monkeypatch.setenv("HUB_SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingsError, match="HUB_SECRET_KEY: ") as caught:
        load_settings()
    assert len(text) < 6 or text not in caught.value.message


PROPER = "d3kP-9sQz_71mVbTfw0aRyLc"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("admin_key", PROPER),
        ("database_url", "postgresql+asyncpg://hub:pQ3-x9Lk2@db/hub?sslmode=require"),
        ("redis_url", "rediss://:pQ3-x9Lk2@cache:6380/0"),
        ("outbound_proxy", "http://user:pQ3-x9Lk2@proxy:3128"),
        ("public_url", "https://hub.example.org/"),
        ("port", "8123"),
        ("trusted_proxies", "10.0.0.0/8,192.168.0.1"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_any_setting_may_stand_in_a_file(
    name: str, text: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "value"
    file.write_bytes((text + end).encode())
    plain = load_settings(**{name: text})
    monkeypatch.setenv(f"HUB_{name.upper()}_FILE", str(file))
    assert load_settings() == plain
    assert getattr(plain, name) != Settings.model_fields[name].default


def test_a_file_stands_in_nobodys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "port").write_text("8123\n")
    monkeypatch.setenv("HUB_PORT_FILE", str(tmp_path / "port"))
    assert load_settings(port=8124).port == 8124  # the command line wins over both
    monkeypatch.setenv("HUB_PORT", "8125")
    with pytest.raises(SettingsError, match=r"HUB_PORT_FILE: .*set one of the two"):
        load_settings()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"1" * 65_537])
def test_a_file_that_cannot_be_read_is_named_with_its_variable(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("HUB_ADMIN_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("HUB_PORT", "web")
    with pytest.raises(SettingsError, match=r"HUB_ADMIN_KEY_FILE: names a file") as caught:
        load_settings()
    assert "HUB_PORT: " in caught.value.message


@pytest.mark.parametrize(
    "key",
    [
        "x" * 40,
        "abababababababababababababab",
        "changemechangemechangeme",
        "please-change-me-before-you-start",
        "your-admin-key-goes-here-0001",
        "secret-secret-secret-secret",
        "admin_password_1234567890",
        "PLACEHOLDER-abcdefghijklmnop",
    ],
)
def test_a_key_that_can_be_guessed_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(SettingsError, match=r"HUB_ADMIN_KEY: can be guessed") as caught:
        load_settings(admin_key=key)
    assert key not in caught.value.message


@pytest.mark.parametrize(
    "key", [PROPER, "0f1e2d3c4b5a69788796a5b4", "correct-horse-battery-staple"]
)
def test_a_key_that_was_made_at_random_is_taken(key: str) -> None:
    taken = load_settings(admin_key=key).admin_key
    assert taken is not None
    assert taken.get_secret_value() == key


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("database_url", "postgresql+asyncpg://hub:{}@{}/hub"),
        ("redis_url", "redis://:{}@{}:6379/0"),
        ("redis_url", "rediss://hub:{}@{}"),
    ],
)
@pytest.mark.parametrize(
    "password", ["changeme", "secret", "postgres", "hub-password", "aaaaaaaaaaaa"]
)
def test_a_server_elsewhere_has_no_password_that_anybody_tries(
    name: str, url: str, password: str
) -> None:
    with pytest.raises(SettingsError, match=rf"HUB_{name.upper()}: has a password") as caught:
        load_settings(**{name: url.format(password, "db.example.org")})
    assert password not in caught.value.message
    for host in ("127.0.0.1", "localhost", "[::1]"):
        load_settings(**{name: url.format(password, host)})
    load_settings(**{name: url.format("pQ3-x9Lk2%21", "db.example.org")})


def test_what_is_unsafe_together_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^HUB_ADMIN_KEY: "):
        load_settings(admin_key=BASE64, secret_key=f"{KEYS[1].hex()},{BASE64}")


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
