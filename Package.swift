// swift-tools-version: 6.2
import PackageDescription

// In CI a warning stops the build; on a developer's machine it is only a warning.
let strict: [SwiftSetting] =
  Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

let package = Package(
  name: "ackscope",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "ackscope", targets: ["ackscope"])
  ],
  dependencies: [
    // Sockets and HTTP/1.1 on both legs.
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    // Commands, help and shell completions.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Ctrl-C and SIGTERM as an orderly stop.
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    // TLS on both legs, with BoringSSL inside. The system's libcrypto makes certificates, and goes on with the records of
    // TLS 1.3 once a WebSocket stands.
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
  ],
  targets: [
    // MARK: effects
    .executableTarget(
      name: "ackscope",
      dependencies: [
        "ProxyServer", "LiveView", "CaptureInspector", "CaptureStorage", "SessionReplay", "MockServer",
        "RecordedSessions",
        "HTTPArchive", "DemoChat", "LoadBench", "LocalAuthority", "OutgoingTLS", "SessionDecoder",
        "SocketIOPackets", "CaptureFormat", "AckCorrelation", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ], swiftSettings: strict),

    // MARK: shells. A shell never imports another shell.
    .target(
      name: "ProxyServer",
      dependencies: [
        "OutgoingTLS", "TLSRecords", "SessionDecoder", "CaptureStorage", "CaptureFormat", "JSONText",
        "SocketReadiness",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: strict),
    .target(name: "LocalAuthority", dependencies: ["COpenSSL"], swiftSettings: strict),
    .target(
      name: "LiveView", dependencies: ["CaptureFormat", "JSONText", "CNcurses"], swiftSettings: strict),
    .target(
      name: "CaptureInspector", dependencies: ["CaptureStorage", "CaptureFormat", "JSONText"],
      swiftSettings: strict),
    .target(
      name: "DemoChat",
      dependencies: [
        "SocketIOPeers", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ], swiftSettings: strict),
    // A good client over recorded sessions.
    .target(
      name: "SessionReplay",
      dependencies: [
        "RecordedSessions", "SocketIOPeers", "OutgoingTLS", "SocketIOPackets", "CaptureFormat", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ], swiftSettings: strict),

    // A server over recorded sessions.
    .target(
      name: "MockServer",
      dependencies: [
        "RecordedSessions", "SocketIOPeers", "SocketIOPackets", "CaptureFormat", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ], swiftSettings: strict),

    .target(
      name: "LoadBench", dependencies: ["JSONText", "SocketReadiness", "CZlib"], swiftSettings: strict),

    // MARK: what shells share
    .target(name: "SocketReadiness", dependencies: ["CEpoll"], swiftSettings: strict),

    .target(
      name: "OutgoingTLS",
      dependencies: [
        "TLSRecords",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: strict),

    .target(
      name: "SocketIOPeers",
      dependencies: [
        "OutgoingTLS", "RecordedSessions", "SocketIOPackets", "WebSocketFrames", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ], swiftSettings: strict),

    // MARK: files. Below the shells, because several of them read and write captures.
    .target(name: "CaptureStorage", dependencies: ["CaptureFormat"], swiftSettings: strict),

    // MARK: compose. From here down: no I/O, no clock, no task.
    .target(
      name: "RecordedSessions", dependencies: ["CaptureFormat", "SocketIOPackets", "JSONText"],
      swiftSettings: strict),
    .target(
      name: "HTTPArchive",
      dependencies: ["SessionDecoder", "CaptureFormat", "AckCorrelation", "SocketIOPackets", "JSONText"],
      swiftSettings: strict),
    .target(
      name: "SessionDecoder",
      dependencies: ["CaptureFormat", "AckCorrelation", "SocketIOPackets", "WebSocketFrames", "JSONText"],
      swiftSettings: strict),

    // MARK: format
    .target(
      name: "CaptureFormat", dependencies: ["JSONText", "AckCorrelation"], swiftSettings: strict),

    // MARK: core
    .target(name: "AckCorrelation", dependencies: ["JSONText"], swiftSettings: strict),
    .target(name: "SocketIOPackets", dependencies: ["JSONText"], swiftSettings: strict),
    .target(name: "WebSocketFrames", dependencies: ["CZlib"], swiftSettings: strict),
    // With libcrypto: what a TLS stack costs behind its handshake is the larger part of a proxy's work.
    .target(name: "TLSRecords", dependencies: ["COpenSSL"], swiftSettings: strict),
    .target(name: "JSONText", swiftSettings: strict),

    // MARK: system
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // Without pkg-config: its file holds flags that SwiftPM refuses with a warning, and nothing that is needed.
    .systemLibrary(name: "CNcurses", providers: [.apt(["libncurses-dev"])]),
    .systemLibrary(name: "CEpoll"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    // MARK: benchmarks
    .executableTarget(
      name: "decode-bench",
      dependencies: [
        "SessionDecoder", "CaptureFormat", "AckCorrelation", "JSONText", "CAllocationCount",
      ], path: "Tests/Benchmarks/DecodeBench", swiftSettings: strict),
    .target(name: "CAllocationCount", path: "Tests/Benchmarks/CAllocationCount"),

    // MARK: tests
    .target(
      name: "RecordedTranscripts", dependencies: ["AckCorrelation", "JSONText"],
      path: "Tests/RecordedTranscripts", resources: [.copy("transcripts.jsonl")], swiftSettings: strict),
    // The same random inputs for the same seed, for tests of several rooms.
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: strict),
    .testTarget(name: "JSONTextTests", dependencies: ["JSONText", "SeededRandom"], swiftSettings: strict),
    .testTarget(
      name: "WebSocketFramesTests", dependencies: ["WebSocketFrames", "CZlib"],
      resources: [.copy("vectors.jsonl")], swiftSettings: strict),
    .testTarget(
      name: "SocketIOPacketsTests", dependencies: ["SocketIOPackets", "JSONText", "SeededRandom"],
      resources: [.copy("vectors.jsonl")], swiftSettings: strict),
    .testTarget(
      name: "AckCorrelationTests", dependencies: ["AckCorrelation", "JSONText"], swiftSettings: strict),
    .testTarget(
      name: "CaptureFormatTests", dependencies: ["CaptureFormat", "JSONText", "SeededRandom"],
      swiftSettings: strict),
    .testTarget(
      name: "SessionDecoderTests", dependencies: ["SessionDecoder", "RecordedTranscripts"],
      swiftSettings: strict),
    .testTarget(
      name: "HTTPArchiveTests",
      dependencies: [
        "HTTPArchive", "SessionDecoder", "CaptureFormat", "AckCorrelation", "SocketIOPackets", "JSONText",
      ], exclude: ["Resources"], swiftSettings: strict),
    .testTarget(
      name: "MockServerTests",
      dependencies: [
        "MockServer", "RecordedSessions", "SocketIOPeers", "SocketIOPackets", "CaptureFormat", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "TLSRecordsTests", dependencies: ["TLSRecords", "SeededRandom"], swiftSettings: strict),
    .testTarget(name: "OutgoingTLSTests", dependencies: ["OutgoingTLS"], swiftSettings: strict),
    .testTarget(
      name: "SocketIOPeersTests",
      dependencies: [
        "SocketIOPeers", "RecordedSessions", "SocketIOPackets", "WebSocketFrames", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "SessionReplayTests",
      dependencies: ["SessionReplay", "RecordedSessions", "SocketIOPeers", "CaptureFormat", "JSONText"],
      swiftSettings: strict),
    .testTarget(name: "LocalAuthorityTests", dependencies: ["LocalAuthority"], swiftSettings: strict),
    .testTarget(name: "CaptureStorageTests", dependencies: ["CaptureStorage"], swiftSettings: strict),
    .testTarget(
      name: "RecordedSessionsTests", dependencies: ["RecordedSessions", "CaptureFormat", "JSONText"],
      swiftSettings: strict),
    .testTarget(
      name: "CaptureInspectorTests", dependencies: ["CaptureInspector", "CaptureFormat", "JSONText"],
      exclude: ["Resources", "Snapshots"], swiftSettings: strict),
    .testTarget(
      name: "LiveViewTests", dependencies: ["LiveView", "CaptureFormat", "JSONText"],
      exclude: ["Resources", "Snapshots"], swiftSettings: strict),
    .testTarget(
      name: "DemoChatTests",
      dependencies: [
        "DemoChat", "JSONText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "ProxyServerTests",
      dependencies: [
        "ProxyServer", "SessionDecoder", "CaptureStorage", "CaptureFormat", "AckCorrelation", "JSONText",
        "RecordedTranscripts",
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "LoadBenchTests", dependencies: ["LoadBench", "WebSocketFrames", "JSONText"],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests", dependencies: ["ackscope", "AckCorrelation", "SocketIOPackets", "JSONText"],
      exclude: ["Peers"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
