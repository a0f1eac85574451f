"""Conversations with a fault that no library commits on request, each with the verdicts its emits must get.

A puppet is a coroutine that holds both ends, or a raw client before the real server. `stage` hands out the ends, the tags
that tell emits apart, and the moment after which every open emit is known to be overdue (`await stage.all_overdue()`).
"""

import asyncio
import json

from wire_ends import BINARY, TEXT, answer, client_end, event, frame, open_packet, request

UNKNOWN = json.dumps({"code": 1, "message": "Session ID unknown"}).encode()


async def ask(client, server, tag, id, name="ask", **named):
    """The client emits with an ack id; goes on when the server has it."""
    text = event(id, name, {"tag": tag}, **named)
    await client.text(text)
    await server.expect(text)


async def part(client, server):
    """The client leaves in order, and the server lets it go."""
    await client.close_frame()
    await server.expect_close()
    await server.close_frame()
    server.end()
    await client.read_to_end()
    client.end()


async def closed_by_server(client, server, code=1000):
    await server.close_frame(code)
    await client.expect_close()
    await client.close_frame(code)
    await server.expect_close()
    server.end()
    await client.read_to_end()
    client.end()


async def acknowledged_twice(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("acknowledged"), 1)
    await server.text('431["ok"]', '431["ok"]')
    await client.expect("431")
    await client.expect("431")
    stage.finding("duplicate_ack")
    await part(client, server)


async def acknowledged_under_a_wrong_id(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.silent(), 5)
    await server.text('4399["ok"]')
    await client.expect("4399")
    stage.finding("stray_ack")
    await stage.all_overdue()
    await part(client, server)


async def one_id_for_two(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("acknowledged"), 3)
    await ask(client, server, stage.tag("acknowledged"), 3, name="other")
    await server.text("433[1]", "433[2]")
    await client.expect("433[2]")
    stage.finding("duplicate_emit")
    await part(client, server)


async def answered_late(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.late(), 1)
    await stage.all_overdue()
    await server.text('431["at last"]')
    await client.expect("431")
    await part(client, server)


async def answered_after_the_client_left(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("late", "after_peer_left"), 1)
    await client.close_frame()
    await server.expect_close()
    await server.text('431["too late"]')
    await client.expect("431")
    await server.close_frame()
    server.end()
    await client.read_to_end()
    client.end()


async def answered_after_the_server_left_the_namespace(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("late", "after_peer_left"), 1)
    await server.text("41", '431["too late"]')
    await client.expect("431")
    await part(client, server)


async def server_resets(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("unanswered", "disconnected_before_ack"), 1)
    server.reset()
    await client.read_to_end()
    client.end()


async def client_resets(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("unanswered", "disconnected_before_ack"), 1)
    client.reset()
    await server.read_to_end()
    server.end()


async def server_says_disconnect(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("unanswered", "disconnected_before_ack"), 1)
    await server.text("41")
    await client.expect("41")
    await part(client, server)


async def client_leaves_in_the_same_burst(stage):
    client, server = await stage.websocket()
    tag = stage.tag("unanswered", "overtaken_by_disconnect", "disconnected_before_ack")
    await client.text(event(1, "goodbye", {"tag": tag}), "41")
    await server.expect("41")
    await part(client, server)


async def emitted_after_the_server_was_gone(stage):
    client, server = await stage.websocket()
    server.end()
    await client.read_to_end()
    # The proxy has seen the server's end: it told the client.
    await client.text(event(1, "ask", {"tag": stage.tag("unanswered", "not_delivered")}))
    client.end()


async def emitted_to_a_server_that_only_reads_on(stage):
    client, server = await stage.websocket()
    server.writer.write_eof()
    await client.read_to_end()
    # It arrives: nothing may call it undelivered for sure.
    await ask(client, server, stage.tag("unanswered", "disconnected_before_ack"), 1)
    client.end()
    server.end()


async def heartbeat_stops(stage):
    client, server = await stage.websocket(pingInterval=100, pingTimeout=200)
    await ask(client, server, stage.tag("unanswered", "ping_timeout"), 1)
    await server.text("2")
    await client.expect("2")
    await asyncio.sleep(0.25)  # what this server gives a client to answer
    server.end()
    await client.read_to_end()
    client.end()
    stage.finding("ping_timeout")


async def longer_than_the_server_takes(stage):
    client, server = await stage.websocket(maxPayload=1000)
    await client.text(event(1, "upload", {"tag": stage.tag("unanswered", "payload_too_large"), "x": "x" * 3000}))
    await server.expect("421")
    await closed_by_server(client, server, 1009)


async def begin_long_message(client, server, tag):
    """The client sends the first half of a frame, which reaches the server."""
    whole = frame(TEXT, event(1, "upload", {"tag": tag}, "x" * 3000).encode(), masked=True)
    half = whole[:len(whole) // 2]
    await client.write(half)
    await server.reader.readexactly(len(half))


async def cut_short_by_the_servers_limit(stage):
    client, server = await stage.websocket()
    await begin_long_message(client, server, stage.tag("unanswered", "payload_too_large"))
    await server.close_frame(1009)
    server.end()
    await client.expect_close()
    client.end()


async def cut_short_by_a_reset(stage):
    client, server = await stage.websocket()
    await begin_long_message(client, server, stage.tag("unanswered", "disconnected_before_ack"))
    client.reset()
    await server.read_to_end()
    server.end()


async def reserved_name(stage):
    client, server = await stage.websocket()
    tag = stage.tag("unanswered", "invalid_packet")
    await ask(client, server, tag, 1, name="disconnecting")
    await closed_by_server(client, server)


async def undecodable_answers(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("unanswered", "decoding_stopped"), 1)
    await server.write(b"\x8b\x00")  # a frame of a reserved opcode
    await client.reader.readexactly(2)
    stage.finding("protocol_error")
    await ask(client, server, stage.tag("unanswered", "decoding_stopped"), 2)
    await part(client, server)


async def packets_of_no_type(stage):
    client, server = await stage.websocket()
    await client.text("49", "9what", "4", "47{}")
    await client.write(frame(BINARY, b"\x00\x01", masked=True))
    await server.message()
    await ask(client, server, stage.tag("acknowledged"), 1)
    await server.text("431[]")
    await client.expect("431")
    await part(client, server)


async def never_joined_and_closed_for_it(stage):
    client, server = await stage.websocket()
    await ask(client, server, stage.tag("unanswered", "namespace_not_connected"), 1, namespace="/nowhere")
    await closed_by_server(client, server)


async def listens_late(stage):
    client, server = await stage.websocket()
    first = stage.tag("unanswered", "handler_registered_late", "conditional_path", overdue=True)
    await ask(client, server, first, 1, name="tune_in")
    await asyncio.sleep(0.02)  # the server awaits something before it registers its handler
    await ask(client, server, stage.tag("acknowledged"), 2, name="tune_in")
    await server.text("432[]")
    await client.expect("432")
    await stage.all_overdue()
    await part(client, server)


async def comes_back_and_sends_again(stage):
    client, server = await stage.websocket()
    tag = stage.tag("superseded", "retried")
    await ask(client, server, tag, 7)
    server.reset()
    await client.read_to_end()
    client.end()
    client, server = await stage.websocket()
    stage.again(tag, "acknowledged")
    await ask(client, server, tag, 8)
    await server.text("438[]")
    await client.expect("438")
    await part(client, server)


async def client_never_answers(stage):
    client, server = await stage.websocket()
    tag = stage.tag("unanswered", "no_handler_or_no_return", overdue=True, by="server")
    await server.text(event(1, "are_you_there", {"tag": tag}))
    await client.expect("421")
    await stage.all_overdue()
    await part(client, server)


async def client_answers_late(stage):
    client, server = await stage.websocket()
    await server.text(event(1, "question", {"tag": stage.late(by="server")}))
    await client.expect("421")
    await stage.all_overdue()
    await client.text('431["here"]')
    await server.expect("431")
    await part(client, server)


async def session_forgotten(stage):
    client, server = await stage.polling()
    text = event(1, "ask", {"tag": stage.tag("unanswered", "session_unknown")})
    asking = asyncio.ensure_future(client.post(text))
    await server.take()
    await answer(server, 400, UNKNOWN)
    await asking
    stage.finding("session_unknown")
    client.end()
    server.end()


async def body_refused(stage):
    client, server = await stage.polling()
    text = event(1, "ask", {"tag": stage.tag("unanswered", "payload_too_large"), "x": "x" * 2000})
    asking = asyncio.ensure_future(client.post(text))
    await server.take()
    await answer(server, 413, b"")
    await asking
    client.end()
    server.end()


# MARK: a raw client before the real server


async def posts_too_many_at_once(stage):
    client, sid = await stage.poll_real_server()
    tags = [stage.tag("unanswered", "poll_batch_too_large", overdue=True) for _ in range(20)]
    await client.post("\x1e".join(event(n + 1, "say", {"tag": tag}) for n, tag in enumerate(tags)))
    await stage.all_overdue()
    client.end()


async def never_joined(stage):
    client = await stage.join_real_server()
    await client.text(event(4, "say", {"tag": stage.tag("unanswered", "namespace_not_connected")}, namespace="/nowhere"))
    await client.text(event(5, "say", {"tag": stage.tag("acknowledged")}))
    await client.expect("435")
    await stage.all_overdue()
    await client.leave()


async def refused(stage):
    client = await stage.join_real_server()
    await client.text("40/staff,{}", event(1, "say", {"tag": stage.tag("unanswered", "namespace_not_connected")},
                                           namespace="/staff"))
    await client.expect("44/staff")
    stage.finding("namespace_refused")
    await stage.all_overdue()
    await client.leave()


async def left_the_namespace(stage):
    client = await stage.join_real_server()
    await client.text("40/lobby,{}")
    await client.expect("40/lobby")
    await client.text("41/lobby,", event(1, "say", {"tag": stage.tag("unanswered", "namespace_not_connected")},
                                         namespace="/lobby"))
    await client.text(event(2, "say", {"tag": stage.tag("acknowledged")}))
    await client.expect("432")
    await stage.all_overdue()
    await client.leave()


async def never_answers_the_real_server(stage):
    client = await stage.join_real_server()
    asked = stage.tag("unanswered", "no_handler_or_no_return", overdue=True, by="server")
    await client.text(event(1, "asks_back", {"tag": stage.tag("acknowledged"), "question": "anyone", "asked": asked}))
    await client.expect("431")
    await stage.all_overdue()
    await client.leave()


PUPPETS = [
    acknowledged_twice, acknowledged_under_a_wrong_id, one_id_for_two, answered_late, answered_after_the_client_left,
    answered_after_the_server_left_the_namespace, server_resets, client_resets, server_says_disconnect,
    client_leaves_in_the_same_burst, emitted_after_the_server_was_gone,
    emitted_to_a_server_that_only_reads_on, heartbeat_stops, longer_than_the_server_takes,
    cut_short_by_the_servers_limit, cut_short_by_a_reset, reserved_name, undecodable_answers, packets_of_no_type,
    never_joined_and_closed_for_it, listens_late, comes_back_and_sends_again, client_never_answers, client_answers_late,
    session_forgotten, body_refused, posts_too_many_at_once, never_joined, refused, left_the_namespace,
    never_answers_the_real_server,
]
