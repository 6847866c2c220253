"""Rules for usernames, email addresses and passwords."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.portal.accounts.names import (
    MAX_PERSON_NAME_LENGTH,
    key_of,
    plain_name,
    read_email,
    read_name,
    read_password,
    read_person_name,
    read_username,
)


@pytest.mark.parametrize(
    "name",
    [
        "Asha",
        "Ü",
        "Ünal O\u2019Brien-García",
        "D'Arcy, J.R.R. (Jack)",
        "\u2019t Hooft",
        "Ravi s/o Kumar",
        "Mª José & Eva 2",
        "राजेश कुमार",
        "李小龙",
        "レオナルド・ダ・ヴィンチ",
        "محمد بن سلمان",
        "ශ්\u200dරී ලංකා",
        "علی\u200cپور",
        "x" * MAX_PERSON_NAME_LENGTH,
        "ä" * MAX_PERSON_NAME_LENGTH,
    ],
)
def test_a_persons_name_may_be_one_word_or_more_in_any_script(name: str) -> None:
    assert read_person_name(name) == name


@pytest.mark.parametrize(
    "entered,name",
    [
        ("  Asha \t\r\n  Example\u3000", "Asha Example"),
        ("\ufeffAsha\u200b \u202eExample\u2069\x00", "Asha Example"),
        ("As\u200dha\u200d", "Asha"),
        ("\u2066\u200e Asha", "Asha"),
        ("Jose\u0301", "José"),
        ("A\ud800sha", "Asha"),
        ("Dr.Asha evil.example", "Dr. Asha evil. example"),
    ],
)
def test_a_persons_name_is_cleaned_of_what_cannot_be_seen_and_holds_no_link(entered: str, name: str) -> None:
    assert read_person_name(entered) == name


@pytest.mark.parametrize(
    "entered",
    [
        "",
        " \u200b\u2800\u3164 ",
        "x" * (MAX_PERSON_NAME_LENGTH + 1),
        "x" * 20_000,
        "a" + "\u0301" * 40,
        "\u0301sha",
        "12",
        "-",
        "<b>Asha</b>",
        'Asha" onclick="x',
        "https://evil",
        "evil/path",
        "asha@example",
        "=Asha",
        "Asha 🎉",
        "Asha\ufffe",
    ],
)
def test_an_invalid_persons_name_is_refused_with_a_sentence(entered: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_person_name(entered)


@given(st.text(max_size=2 * MAX_PERSON_NAME_LENGTH))
def test_a_persons_name_that_is_read_twice_stays_the_same(entered: str) -> None:
    try:
        name = read_person_name(entered)
    except ValueError:
        return
    assert read_person_name(name) == name
    assert 1 <= len(name) <= MAX_PERSON_NAME_LENGTH


@pytest.mark.parametrize("name", ["abc", "a" * 32, "Asha.K_2-b", "7up", "नमस्ते", "Ólafur", "Чайка", "李小龙"])
def test_a_username_may_have_letters_and_digits_of_any_script_dots_dashes_and_underscores(name: str) -> None:
    assert read_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 33,
        "asha k",
        "asha@home",
        ".asha",
        "-asha",
        "as\x00ha",
        "as\nha",
        "as\u200bha",
        "as\u202eha",
        "as\ud800ha",
        "<b>asha",
        "asha🎉",
        "\u0301asha",
    ],
)
def test_an_invalid_username_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_username(name)


@pytest.mark.parametrize(
    "one,other",
    [
        ("Asha", "ASHA"),
        ("asha", "\uff41\uff53\uff48\uff41"),
        ("Jose\u0301", "JOSÉ"),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
    ],
)
def test_names_that_differ_only_in_case_width_or_composition_have_the_same_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@given(st.text())
def test_folding_a_name_twice_changes_nothing(text: str) -> None:
    assert key_of(key_of(text)) == key_of(text)


@given(st.text())
def test_a_name_has_the_same_key_in_every_normal_form_and_case(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert key_of(unicodedata.normalize(form, text)) == key_of(text)
    assert key_of(text.casefold()) == key_of(text)


@given(st.text(st.characters(categories=["L", "M", "Nd"], include_characters="._-"), max_size=40))
def test_an_accepted_username_is_accepted_again_unchanged(text: str) -> None:
    try:
        name = read_username(text)
    except ValueError:
        return
    assert read_username(name) == name
    assert key_of(name) == key_of(text)


@pytest.mark.parametrize(
    "address",
    [
        "asha@example.org",
        "a.b+fest@mail.example.co.in",
        "root@localhost",
        "o'hara@example.org",
        "x@xn--bcher-kva.example",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.in",
    ],
)
def test_a_valid_email_address_is_accepted(address: str) -> None:
    assert read_email(f" {address} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "asha",
        "@example.org",
        "asha@",
        "asha@example",
        "a@b@example.org",
        "asha @example.org",
        "asha@exam ple.org",
        "asha@example..org",
        "asha@.org",
        "asha@-example.org",
        ".asha@example.org",
        "as..ha@example.org",
        "asha@example.org\nBcc: all@example.org",
        "asha@example.org,b@example.org",
        "asha@home.example <asha@example.org>",
        "Asha <asha@example.org> Rao",
        "mailto:",
        "as\x00ha@example.org",
        "asha@bücher",
        "asha@bü_cher.example",
        "asha@\u0301bc.example",
        "asha@🎉.example",
        f"asha@{'ü' * 60}.example",
        "अशा@example.org",
        "ashä@example.org",
        f"{'a' * 65}@example.org",
        f"a@{'b' * 64}.org",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 59}.in",
    ],
)
def test_an_invalid_email_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"name@example\.org"):
        read_email(address)


@pytest.mark.parametrize(
    "written, address",
    [
        ("\u200basha@example.org\ufeff", "asha@example.org"),
        ("as\u00adha@exam\u200dple.org", "asha@example.org"),
        ("\u202aasha@example.org\u202c\u00a0", "asha@example.org"),
        ("mailto:asha@example.org", "asha@example.org"),
        ("MAILTO: asha%2Bfest@example.org?subject=Fest", "asha+fest@example.org"),
        ("<asha@example.org>", "asha@example.org"),
        ("Asha Rao <mailto:asha@example.org>;", "asha@example.org"),
        ('"Rao, Asha" <Asha@Example.org>, ', "Asha@Example.org"),
        ("asha@example.org.", "asha@example.org"),
        ("asha＠example．org", "asha@example.org"),  # noqa: RUF001  (typed on a Japanese keyboard)
        ("asha@bücher.example", "asha@xn--bcher-kva.example"),
        ("asha@BU\u0308CHER.Example", "asha@xn--bcher-kva.example"),
        ("asha@straße.example", "asha@xn--strae-oqa.example"),
        ("asha@उदाहरण.भारत", "asha@xn--p1b6ci4b4b3a.xn--h2brj9c"),
        ("asha@例え。テスト", "asha@xn--r8jz45g.xn--zckzah"),
        ("asha@пример.рф", "asha@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_an_email_address_is_cleaned_and_its_domain_written_in_ascii(written: str, address: str) -> None:
    assert read_email(written) == read_name(written) == address
    assert read_email(address) == address
    assert key_of(read_name(written)) == key_of(address)


def test_a_local_part_beyond_ascii_is_refused_with_the_reason() -> None:
    with pytest.raises(
        ValueError, match=r"Before the @ only the letters a to z, digits and signs can be used\."
    ):
        read_email("jürgen@bücher.example")


@given(st.text())
def test_a_name_is_cleaned_once(text: str) -> None:
    assert plain_name(plain_name(text)) == plain_name(text)


def test_a_username_is_read_without_the_characters_that_are_copied_along() -> None:
    assert read_name(" \u200easha\u200b\ufeff") == "asha"
    assert read_name("asha\ufe0f") == "asha\ufe0f"  # of an account from before these marks were refused


@given(st.text())
def test_any_text_is_accepted_or_raises_value_error(text: str) -> None:
    for read in (read_username, read_email, read_name, read_password):
        try:
            accepted = read(text)
        except ValueError:
            continue
        accepted.encode()
        assert "\0" not in accepted


def test_a_password_keeps_its_spaces_and_is_normalised() -> None:
    assert read_password(" pass word ") == " pass word "
    assert read_password("caffe\u0301 latte") == read_password("caff\u00e9 latte")


@pytest.mark.parametrize("password", ["pass\x00word", "pass\nword", "pass\ud800word"])
def test_a_password_with_control_characters_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="Control characters"):
        read_password(password)


@pytest.mark.parametrize(
    "name",
    [
        "organiser\ufe0f",
        "asha\u3164",
        "asha\u034f",
        "as\u115fha",
        "asha\uffa0",
        "asha\U000e0100",
        "asha\u17b5",
    ],
)
def test_a_username_with_an_invisible_character_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="invisible character"):
        read_username(name)


@pytest.mark.parametrize("name", ["\u0430sha", "as\u03bfha", "paypa\u04cf", "asha\u0561"])
def test_a_username_that_mixes_alphabets_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="one alphabet"):
        read_username(name)


@pytest.mark.parametrize(
    "name", ["らーめん太郎", "李小龙x", "김철수kim", "ㄅㄆ李x", "தமிழ்", "মমতা", "Jose\u0301.7", "Ἀχιλλεύς"]
)
def test_a_username_may_combine_scripts_that_are_written_together(name: str) -> None:
    assert read_username(name) == unicodedata.normalize("NFKC", name)
