"""`transformers serve`, showing a student what it saw in training. `serve` runs it as a module of its own.

transformers drops what an assistant said in front of its tool calls when it renders the conversation so far. Students
are trained on conversations in which those words are there, so here they stay.
"""

from __future__ import annotations

from typing import Any


def keep_words_before_calls(handler: Any) -> None:
    """Make a request handler of `transformers serve` render the text of turns that also call tools."""
    render = handler.get_processor_inputs_from_messages

    def with_words(messages: list[dict[str, Any]], modality: Any) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = render(messages, modality)
        for turn, message in zip(turns, messages, strict=True):
            if (
                message.get("tool_calls")
                and isinstance(message.get("content"), str)
                and isinstance(turn["content"], str)
            ):
                turn["content"] = message["content"]
        return turns

    handler.get_processor_inputs_from_messages = staticmethod(with_words)


def main() -> None:
    """Serve, with the command line of `transformers serve`."""
    import sys

    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.transformers import app

    keep_words_before_calls(ChatCompletionHandler)
    sys.argv = ["transformers", "serve", *sys.argv[1:]]
    app()


if __name__ == "__main__":
    main()
