"""Tokens of the owner's own issuers (Supabase, Auth0, …): whose they are, and what they say."""

from collections.abc import Iterable, Sequence
from typing import Any

from hub.connector import quoted
from hub.errors import AccessError, HubError, OutboundError, SignatureError
from hub.model.issuer import Issuer
from hub.outbound.jwks import Jwks
from hub.signature import TokenKey, token_keys, unverified, verify_token
from hub.store.catalog import Catalog


class Issued:
    """Knows the issuers of the catalog, and verifies what they have signed."""

    def __init__(self, catalog: Catalog, jwks: Jwks) -> None:
        self._catalog = catalog
        self._jwks = jwks

    async def claims(self, token: str) -> tuple[Issuer, dict[str, Any]]:
        """The issuer that has signed a token, and the token's claims.

        ``rights_of`` and ``member_of`` (:mod:`hub.model.issuer`) say what they are good for,
        ``token_ends_s`` (:mod:`hub.signature`) until when. An ``iss`` that no issuer has makes no
        request anywhere.

        Raises:
            AccessError: ``unauthorized``; ``details["reason"]`` is ``issuer_unknown``,
                ``token_wrong`` or ``token_expired``.
            OutboundError: ``keys_unavailable``: the issuer does not give its keys now; the token
                may be good, and its owner should try again.
        """
        try:
            header, said = unverified(token)
        except SignatureError as error:
            raise _refused(error) from error
        issuers = _candidates(self._catalog.now.issuers.values(), said.get("iss"))
        failures: list[HubError] = []
        for issuer in issuers:
            try:
                keys = await self._keys(issuer, header.get("kid"))
                return issuer, verify_token(
                    token, keys, issuer=issuer.issuer, audience=issuer.audience
                )
            except (SignatureError, OutboundError) as error:
                failures.append(error)
        raise _most_telling(failures) if failures else _unknown(said.get("iss"))

    async def _keys(self, issuer: Issuer, kid: str | None) -> Sequence[TokenKey]:
        if issuer.jwks_url is not None:
            return await self._jwks.keys(issuer.jwks_url, kid, allow_private=issuer.allow_private)
        return token_keys(issuer.secrets, issuer.public_keys)


def _candidates(issuers: Iterable[Issuer], iss: Any) -> list[Issuer]:
    """Those that a token names, then those whose tokens need not name them."""
    found = [each for each in issuers if each.issuer is None or each.issuer == iss]
    return sorted(found, key=lambda each: each.issuer is None)


def _most_telling(failures: list[HubError]) -> HubError:
    """Expired says that the signature fits; where keys are missing, nothing is known."""
    for code in ("token_expired", "keys_unavailable"):
        for each in failures:
            if each.code == code:
                return each if isinstance(each, OutboundError) else _refused(each)
    return _refused(failures[0])


def _refused(error: HubError) -> AccessError:
    return AccessError(error.message, code="unauthorized", reason=error.code)


def _unknown(iss: Any) -> AccessError:
    told = (
        f"No issuer of the hub has the 'issuer' {quoted(iss)!r}, which this token's iss says"
        if isinstance(iss, str)
        else "This token has no iss that says who issued it"
    )
    return AccessError(
        f"{told}. Set one with PUT /v1/issuers/{{slug}}, its 'issuer' to the letter, or send a "
        "token that the hub has made.",
        code="unauthorized",
        reason="issuer_unknown",
    )
