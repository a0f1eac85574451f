// CaptureFormat
