// WebSocketFrames
