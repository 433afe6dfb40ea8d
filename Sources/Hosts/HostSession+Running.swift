internal import Failures
package import HostProtocol

extension HostSession {
    /// Starts a run of parts that the host has.
    @discardableResult
    package func start(_ start: Start) throws -> Started {
        let started = try ask(Frame(.start, json: start), .started, Started.self, awaited: "that the run has started")
        guard started.run == start.run else {
            throw HostFailure(.untrusted, "the host has started another run than the one that was asked for")
        }
        return started
    }

    /// Has a run go on that was cut off, or ended without its results.
    package func resume(_ resume: Resume) throws {
        let started = try ask(Frame(.resume, json: resume), .started, Started.self, awaited: "that the run goes on")
        guard started.run == resume.run else {
            throw HostFailure(.untrusted, "the host goes on with another run than the one that was asked for")
        }
    }

    /// Hands on a run's events as they happen, the texts made safe to show, up to its end.
    /// - Parameters:
    ///   - from: the first number wanted; the last seen + 1 when a run is followed again.
    ///   - bringing: the folder that the files of a task go to which is done; they lie there before its event is handed on.
    /// - Returns: the event `runEnded`.
    @discardableResult
    package func follow(
        _ run: RunID, from: Int = 1, bringing: (@Sendable (RunEvent) -> String)? = nil,
        _ each: @Sendable (RunEvent) async throws -> Void
    ) async throws -> RunEvent {
        try send(Frame(.follow, json: Follow(run: run, from: from, files: bringing == nil ? nil : true)))
        var awaited = from
        var cancels = 0
        while true {
            if let run = takeCancelRequest() {
                try send(Frame(.cancel, json: Cancel(run: run)))
                cancels += 1
            }
            guard let frame = try nextOrWoken("the run's events") else { continue }
            if frame.kind == .done, cancels > 0 {
                cancels -= 1
                continue
            }
            var event = try frame.expectClean(.event, RunEvent.self, awaited: "the run's events")
            guard event.sequence >= awaited else {
                throw HostFailure(.untrusted, "the host sends the run's events out of their order")
            }
            awaited = event.sequence + 1
            event.clean()
            if let bringing, event.kind == .taskDone || event.kind == .taskReused {
                _ = try receiveFiles(into: bringing(event))
            }
            try await each(event)
            guard event.kind == .runEnded else { continue }
            // Answers to what was asked for last come after the end.
            while cancels > 0 {
                let _: Done = try next("the answer to cancelling").expectClean(
                    .done, Done.self, awaited: "the answer to cancelling")
                cancels -= 1
            }
            return event
        }
    }

    /// What has happened of a run until now.
    /// - Returns: its events, made safe to show, and whether it goes on.
    /// - Throws: the host's `Refusal` where its process has ended without ending it: `each` has had the events by then.
    package func look(at run: RunID, _ each: (RunEvent) throws -> Void) throws -> Bool {
        try send(Frame(.follow, json: Follow(run: run, from: 1, untilNow: true)))
        var last = 0
        while true {
            let frame = try next("the run's events")
            if frame.kind == .done { return true }
            var event = try frame.expectClean(.event, RunEvent.self, awaited: "the run's events")
            guard event.sequence > last else {
                throw HostFailure(.untrusted, "the host sends the run's events out of their order")
            }
            last = event.sequence
            event.clean()
            try each(event)
            if event.kind == .runEnded { return false }
        }
    }

    /// Has a run cancelled that this session does not follow now.
    /// - Parameter wish: what is wanted instead: `pause`, `continue`.
    package func cancel(_ run: RunID, wish: String? = nil) throws {
        let _: Done = try ask(
            Frame(.cancel, json: Cancel(run: run, wish: wish)), .done, Done.self, awaited: "the answer to cancelling")
    }

    /// Removes what the run left on the host, but not the parts.
    /// - Parameter keepsRecord: its journal and logs stay.
    package func clean(_ run: RunID, keepsRecord: Bool = false) throws {
        let _: Done = try ask(
            Frame(.clean, json: Clean(run: run, keepsRecord: keepsRecord)), .done, Done.self,
            awaited: "that the host has cleaned up")
    }
}

extension RunEvent {
    mutating func clean() {
        text = text.map { Shown.whole($0, keepingLines: true) }
        reason = reason.map { Shown.whole($0) }
        engine = engine.map { Shown.whole($0) }
        printed = printed.map { Shown.whole($0, keepingLines: true) }
    }
}
