"""A cursor over the tokens of a query."""

from strongroom.services.logs.insights.errors import QueryError
from strongroom.services.logs.insights.tokens import Kind, Token, tokenize, unexpected


class TokenReader:
    """Reads the tokens of `text` one after another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return a token to come, the END beyond it."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Read the next token."""
        token = self.peek()
        self.at += 1
        return token

    def is_symbol(self, symbol: str, ahead: int = 0) -> bool:
        """Tell whether this symbol is next."""
        token = self.peek(ahead)
        return token.kind is Kind.SYMBOL and token.text == symbol

    def is_word(self, *words: str, ahead: int = 0) -> bool:
        """Tell whether one of these words (in lower case) is next."""
        token = self.peek(ahead)
        return token.kind is Kind.NAME and token.text.lower() in words

    def took_symbol(self, symbol: str) -> bool:
        """Read this symbol if it is next, and tell whether it was."""
        found = self.is_symbol(symbol)
        self.at += found
        return found

    def took_word(self, *words: str) -> bool:
        """Read one of these words if it is next, and tell whether it was."""
        found = self.is_word(*words)
        self.at += found
        return found

    def take_symbol(self, symbol: str) -> None:
        """Read this symbol. Raises QueryError."""
        if not self.took_symbol(symbol):
            raise self.unexpected(f"'{symbol}'")

    def take_word(self, word: str) -> None:
        """Read this word. Raises QueryError."""
        if not self.took_word(word):
            raise self.unexpected(word)

    def take_kind(self, *kinds: Kind) -> Token:
        """Read a token of one of these kinds. Raises QueryError."""
        if self.peek().kind not in kinds:
            raise self.unexpected(kinds[0].value)
        return self.take()

    def unexpected(self, expected: str = "") -> QueryError:
        """Return the error for the next token, which cannot stand where it does."""
        return unexpected(self.text, self.peek(), expected)

    def text_from(self, token: Token) -> str:
        """Return the query's text from `token` to the last token that was read."""
        return self.text[token.start : self.tokens[self.at - 1].end]
