"""How many tokens a row has for a model, before anything is cut off."""

from __future__ import annotations

import sys

from engine.data.formats import Conversation
from engine.data.template import ChatTemplate, ChatTokenizer, split_text
from engine.errors import BackpropError


class TokenCounter:
    """Counts with the model's own tokenizer and chat template."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        self._template: ChatTemplate | None = None

    def count(self, conversation: Conversation) -> int | None:
        """Tokens of the whole row; None where the template refuses it.

        Raises INPUT_TEMPLATE_UNUSABLE.
        """
        if conversation.text is not None:
            (whole,) = split_text(conversation.text, self._tokenizer, sys.maxsize)
            return len(whole.input_ids)
        self._template = self._template or ChatTemplate(self._tokenizer)
        try:
            return len(self._template.tokenize(conversation, sys.maxsize).input_ids)
        except BackpropError as error:
            if error.code != "INPUT_DATA_INVALID":
                raise
            return None
