// SocketIOPackets
