import Digests
import Failures
import Files
import HostProtocol
import Parts
import Synchronization
import TestSupport
import Testing

@testable import Hosts

@Suite struct SessionTests {
    private let run = RunID("a-run")!

    private func event(_ sequence: Int, _ kind: RunEvent.Kind, _ text: String? = nil) -> Frame {
        var event = RunEvent(sequence: sequence, time: 0, kind: kind)
        event.text = text
        return Frame(.event, json: event)
    }

    @Test func anotherVersionIsRefused() async throws {
        try await withScratch { folder in
            let hello = Frame(.hello, json: Hello(version: 9, program: "las-runtime\u{1B} 9", host: nil))
            let failure = await #expect(throws: ProtocolFailure.self) { try await Peer.saying(hello.bytes, in: folder) }
            #expect(failure == .version(9, program: "las-runtime\u{FFFD} 9"))
        }
    }

    @Test func whatIsNoFrameIsSaid() async throws {
        try await withScratch { folder in
            let failure = await #expect(throws: ProtocolFailure.self) {
                try await Peer.saying(Array("Welcome to this machine!\n".utf8), in: folder)
            }
            #expect(failure == .notFrames(text: "Welcome to this machine!"))
        }
    }

    @Test func aRuntimeThatEndsAtOnceIsSaidWithItsWords() async throws {
        try await withScratch { folder in
            let session = try HostSession(.local)
            let failure = await #expect(throws: HostFailure.self) {
                try await session.open(
                    ProcessChannel(
                        "/bin/sh", ["-c", "echo 'No space left on device\u{1B}' >&2; exit 6"], environment: [:],
                        waiter: session.waiter), as: "las test")
            }
            #expect(failure?.kind == .noRoom && failure?.exitCode == .resources)
            #expect(failure?.cause == "No space left on device\u{FFFD}")
        }
    }

    @Test func eventsComeInOrderAndSafeToShow() async throws {
        try await withScratch { folder in
            let session = try await Peer.saying(
                [event(1, .runStarted, "a\u{1B}]0;x\u{7}"), event(2, .note, "two\nlines"), event(3, .runEnded)],
                in: folder)
            let texts = Mutex<[String?]>([])
            let last = try await session.follow(run) { event in texts.withLock { $0.append(event.text) } }
            await session.close()
            #expect(last.sequence == 3)
            #expect(texts.withLock { $0 } == ["a\u{FFFD}]0;x\u{FFFD}", "two\nlines", nil])
        }
    }

    @Test func eventsOutOfOrderAreRefused() async throws {
        try await withScratch { folder in
            let session = try await Peer.saying([event(2, .note), event(2, .runEnded)], in: folder)
            let failure = await #expect(throws: HostFailure.self) { try await session.follow(run) { _ in } }
            await session.close()
            #expect(failure?.kind == .untrusted)
        }
    }

    @Test func aRefusalIsPassedOnWithItsExitCode() async throws {
        try await withScratch { folder in
            let refusal = Refusal(summary: "no\u{1B}room", cause: "disk full", exitCode: .resources)
            let session = try await Peer.saying([Frame(.refusal, json: refusal)], in: folder)
            let passed = await #expect(throws: Refusal.self) { try await session.clean(run) }
            await session.close()
            #expect(passed == Refusal(summary: "no\u{FFFD}room", cause: "disk full", exitCode: .resources))
        }
    }

    @Test func aRunIsCancelledWhileItIsFollowed() async throws {
        try await withScratch { folder in
            // It ends the run when it hears the word of the cancel frame, and answers that afterwards.
            try File.write((Peer.hello.bytes + event(1, .runStarted).bytes), to: folder + "/first")
            try File.write((event(2, .runEnded).bytes + Peer.done.bytes), to: folder + "/then")
            let session = try HostSession(.local)
            // hello and follow come first: the cancel frame is the third.
            let sizes =
                Frame(.hello, json: Hello(version: 1, program: "las test", host: nil)).bytes.count
                + Frame(.follow, json: Follow(run: run, from: 1)).bytes.count
            try await session.open(
                ProcessChannel(
                    "/bin/sh",
                    [
                        "-c",
                        "cat first; head -c \(sizes) > /dev/null; head -c 5 > heard; cat then; exec cat > /dev/null",
                    ]
                    .map {
                        $0.replacing("first", with: folder + "/first").replacing("then", with: folder + "/then")
                            .replacing("heard", with: folder + "/heard")
                    },
                    environment: ["PATH": "/usr/bin:/bin"], waiter: session.waiter), as: "las test")
            let last = try await session.follow(run) { event in
                if event.kind == .runStarted { session.requestCancel(of: self.run) }
            }
            await session.close()
            #expect(last.kind == .runEnded)
            #expect(try File.read(folder + "/heard").last == Frame.Kind.cancel.rawValue)
        }
    }

    @Test func aCancelledTaskGivesUpAtOnce() async throws {
        try await withScratch { folder in
            let session = try await Peer.saying([event(1, .runStarted)], in: folder)
            let following = Task { try await session.follow(run) { _ in session.abandon() } }
            let failure = await #expect(throws: HostFailure.self) { try await following.value }
            await session.close()
            #expect(failure?.kind == .abandoned)
        }
    }
}
