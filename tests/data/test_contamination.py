from engine.data.contamination import overlapping
from engine.data.formats import Conversation, Message

LONG = "name the seven seas that a sailor of the old days would have known by heart"


def pair(question: str, answer: str, system: str = "") -> Conversation:
    before = (Message("system", system),) if system else ()
    return Conversation((*before, Message("user", question), Message("assistant", answer)))


def test_a_leaked_question_is_found_whatever_the_answer() -> None:
    data = [pair(LONG, "I do not know."), pair("How many?", "Seven.")]
    assert overlapping(data, [pair(f"{LONG.upper()}!", "North, south ...")]) == (0,)


def test_short_rows_must_be_the_same_as_a_whole() -> None:
    data = [pair("How many?", "Seven."), pair("How many?", "Eight."), pair("how many ?", "seven.")]
    assert overlapping(data, [pair("How many?", "Seven.")]) == (0, 2)


def test_a_shared_system_prompt_is_no_leak() -> None:
    assert overlapping([pair("a", "b", LONG)], [pair("c", "d", LONG)]) == ()


def test_some_words_in_common_are_no_leak() -> None:
    half = " ".join(LONG.split()[:9]) + " something altogether different from the rest of that row"
    assert overlapping([pair(half, "x")], [pair(LONG, "x")]) == ()


def test_plain_text_and_empty_files() -> None:
    assert overlapping([Conversation(text=LONG)], [Conversation(text=LONG)]) == (0,)
    assert overlapping([], [pair("a", "b")]) == ()
    assert overlapping([pair("a", "b")], []) == ()
