from hub.store.ledger import Ledger
from hub.store.lookup import one
from hub.store.objects import DROP, PUT, DropObject, PutObject
from hub.store.schema import objects


async def test_a_put_says_whether_the_object_is_new(ledger: Ledger) -> None:
    put = PutObject("source", "shop", "{}")
    assert await ledger.write(PUT, put) is True
    assert await ledger.write(PUT, PutObject("source", "shop", "[]")) is False
    row = await ledger.read(one, objects, kind="source", slug="shop")
    assert row is not None
    assert row["body"] == "[]"
    assert await ledger.write(DROP, DropObject("source", "shop")) is True
    assert await ledger.write(PUT, put) is True
