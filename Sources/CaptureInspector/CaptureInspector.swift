// CaptureInspector
