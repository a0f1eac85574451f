"""The chat behind the first two sample captures: a server and three people, told with or without acks.

    python chat.py server PORT
    python chat.py people URL --acks | --no-acks

Cleo sends a message before she has entered the room. The server's handler looks her room up, finds none, and raises:
nothing goes back. Without acks nobody can tell; with acks one emit stays open.
"""

import asyncio
import sys

import socketio
import uvicorn


def server(port):
    sio = socketio.AsyncServer(async_mode="asgi", logger=False, engineio_logger=False)
    rooms = {}
    messages = []

    @sio.event
    async def set_name(sid, data):
        return {"ok": True}

    @sio.event
    async def enter_chat_room(sid, data):
        rooms[sid] = data["roomId"]
        await sio.enter_room(sid, data["roomId"])
        return {"ok": True, "roomId": data["roomId"]}

    @sio.event
    async def send_message(sid, data):
        room = rooms[sid]
        messages.append(data["message"])
        message = {"id": len(messages), "message": data["message"]}
        await sio.emit("receive_message", message, room=room, skip_sid=sid)
        return {"ok": True, "id": message["id"]}

    # The handler's error is the point of the story; its trace on the terminal is not.
    uvicorn.run(socketio.ASGIApp(sio), host="127.0.0.1", port=port, log_level="critical")


async def people(url, acks):
    async def person(name, transports):
        client = socketio.AsyncClient()
        client.on("receive_message", lambda data: None)
        await client.connect(url, transports=transports, auth={"user": name, "token": f"secret-of-{name}"})
        return client

    async def say(client, event, data):
        if not acks:
            await client.emit(event, data)
        else:
            try:
                await client.call(event, data, timeout=1)
            except socketio.exceptions.TimeoutError:
                pass
        await asyncio.sleep(0.1)

    ana = await person("ana", ["websocket"])
    ben = await person("ben", ["polling", "websocket"])
    cleo = await person("cleo", ["websocket"])
    for client, name in ((ana, "Ana"), (ben, "Ben"), (cleo, "Cleo")):
        await say(client, "set_name", {"name": name})
    await say(ana, "enter_chat_room", {"roomId": 7})
    await say(ben, "enter_chat_room", {"roomId": 7})
    await say(ana, "send_message", {"roomId": 7, "message": "lunch at one?"})
    await say(ben, "send_message", {"roomId": 7, "message": "yes! where?"})
    await say(cleo, "send_message", {"roomId": 7, "message": "can I join you?"})
    await say(cleo, "enter_chat_room", {"roomId": 7})
    await say(ana, "send_message", {"roomId": 7, "message": "the place at the corner"})
    await say(cleo, "send_message", {"roomId": 7, "message": "see you there"})
    for client in (cleo, ben, ana):
        await client.disconnect()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server(int(sys.argv[2]))
    else:
        asyncio.run(people(sys.argv[2], acks=sys.argv[3] == "--acks"))
