print("ackscope")
