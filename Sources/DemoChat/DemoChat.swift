// DemoChat
