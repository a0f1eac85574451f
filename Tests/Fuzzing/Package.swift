// swift-tools-version: 6.2
import PackageDescription

/// Fuzzing of the decoders with the libFuzzer that ships with the toolchain (Linux).
///
///     swift build --package-path Tests/Fuzzing -c release --sanitize fuzzer
///     python3 Tests/Fuzzing/seeds.py /tmp/fuzz
///     mkdir -p /tmp/fuzz/found-frames
///     SWIFT_BACKTRACE=enable=no ACKSCOPE_FUZZ=frames Tests/Fuzzing/.build/release/Fuzz -max_total_time=600 \
///       -timeout=10 -max_len=4096 /tmp/fuzz/found-frames /tmp/fuzz/frames
///
/// Add `-Xswiftc -sanitize=address -Xcc -fsanitize=address` to the build to find accesses out of bounds too; that is slower.
///
/// `ACKSCOPE_FUZZ` names the target, see `FuzzTarget`. libFuzzer adds what it finds to the first directory; an input
/// that breaks a property is written to the current one, if Swift's own backtraces are off. Give that file as the only argument to see it again, then
/// make a test of it in the suite of the target that is at fault.
///
/// A package of its own, since every module under test must be compiled with coverage counters, which no other build
/// wants. It reaches the modules through `Core`, a link to the parent's `Sources`: by a dependency on the parent it
/// would see products only, and declarations of `package` access would be out of reach.
let package = Package(
  name: "fuzzing",
  platforms: [.macOS(.v15)],
  targets: [
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "SessionDecoder", "CaptureFormat", "AckCorrelation", "SocketIOPackets", "WebSocketFrames", "JSONText",
      ]),
    .target(
      name: "SessionDecoder",
      dependencies: ["CaptureFormat", "AckCorrelation", "SocketIOPackets", "WebSocketFrames", "JSONText"],
      path: "Core/SessionDecoder"),
    .target(
      name: "CaptureFormat", dependencies: ["JSONText", "AckCorrelation"], path: "Core/CaptureFormat"),
    .target(name: "AckCorrelation", dependencies: ["JSONText"], path: "Core/AckCorrelation"),
    .target(name: "SocketIOPackets", dependencies: ["JSONText"], path: "Core/SocketIOPackets"),
    .target(name: "WebSocketFrames", dependencies: ["CZlib"], path: "Core/WebSocketFrames"),
    .target(name: "JSONText", path: "Core/JSONText"),
    .systemLibrary(name: "CZlib", path: "Core/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  ],
  swiftLanguageModes: [.v6]
)
