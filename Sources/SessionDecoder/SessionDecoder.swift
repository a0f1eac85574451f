// SessionDecoder
