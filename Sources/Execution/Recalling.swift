internal import Digests
internal import Files
internal import Glibc
internal import Metro
internal import Plan
internal import Threads

/// Looks whether what a task would make is kept from a time before: a thread that reads what its key is made of, and puts
/// what is kept into the run.
final class Recalling: @unchecked Sendable {
    /// What a task is known by, as far as the run knows it.
    struct Question: Sendable {
        let task: PlannedTask
        let station: PlannedStation?
        let reads: [String: Digest]
        let before: Digest?
        let environment: (digest: Digest, root: String?)
    }

    struct Answer: Sendable {
        let task: PlannedTask
        /// nil for a task that is not known by anything.
        let parts: KeyParts?
        /// What is kept of it, and lies in the run's `made` now.
        let record: TaskStore.Record?
    }

    private struct State {
        var questions: [Question] = []
        var answers: [Answer] = []
        var isEnding = false
    }

    private let store: TaskStore
    private let files: MetroFiles
    private let run: RunFolder
    private let isFresh: Bool
    private let tell: Int32
    private let state = Monitor(State())
    private var thread: OwnThread?
    /// Questions without an answer that was taken.
    private(set) var open = 0
    private var stations: [StationID: Int] = [:]

    /// - Parameters:
    ///   - isFresh: only keys are told: nothing is taken from before.
    ///   - tell: a pipe that gets a byte when there are answers.
    init(_ store: TaskStore, _ files: MetroFiles, run: RunFolder, isFresh: Bool, tell: Int32) throws(ExecutionFailure) {
        (self.store, self.files, self.run, self.isFresh, self.tell) = (store, files, run, isFresh, tell)
        do throws(OwnThread.Refused) {
            thread = try OwnThread { [self] in work() }
        } catch { throw ExecutionFailure(error) }
    }

    func ask(_ question: Question) {
        open += 1
        stations[question.task.station, default: 0] += 1
        state.change { $0.questions.append(question) }
    }

    /// Of a station.
    func open(of station: StationID) -> Int { stations[station] ?? 0 }

    /// All answers by now, in the order of the questions.
    func take() -> [Answer] {
        let answers = state.change { state in
            defer { state.answers = [] }
            return state.answers
        }
        open -= answers.count
        for answer in answers { stations[answer.task.station, default: 1] -= 1 }
        return answers
    }

    /// Waits for the thread's end; what was asked and not looked at stays without an answer.
    func end() {
        state.change { $0.isEnding = true }
        thread?.join()
        thread = nil
    }

    private func work() {
        while true {
            let questions = state.await { state -> [Question]? in
                if state.questions.isEmpty, !state.isEnding { return nil }
                defer { state.questions = [] }
                return state.isEnding ? [] : state.questions
            }
            if questions.isEmpty { break }
            for question in questions {
                let answer = answer(question)
                let (isFirst, isEnding) = state.change { state in
                    state.answers.append(answer)
                    return (state.answers.count == 1, state.isEnding)
                }
                if isEnding { break }
                var byte: UInt8 = 0
                if isFirst { _ = write(tell, &byte, 1) }
            }
        }
        files.keep()
    }

    private func answer(_ question: Question) -> Answer {
        let task = question.task
        // What can't be read is told when the task runs.
        let found = try? files.key(
            of: task, question.station, reads: question.reads, before: question.before,
            environment: question.environment)
        guard let parts = found.flatMap({ $0 }).map(KeyParts.init) else {
            return Answer(task: task, parts: nil, record: nil)
        }
        return Answer(task: task, parts: parts, record: isFresh ? nil : recall(task, parts.key))
    }

    private func recall(_ task: PlannedTask, _ key: Digest) -> TaskStore.Record? {
        guard let made = RelativePath(task.made) else { return nil }
        let staging = "\(run.tasks)/kept"
        guard let record = store.take(key, to: staging) else { return nil }
        do throws(FileFailure) {
            // A look at a file makes nothing.
            if task.checks != nil {
                try Folder.remove(staging)
            } else {
                let target = "\(run.made)/\(made)"
                if rename(staging, target) == 0 { return record }
                try Folder.make(File.parent(of: target))
                try Folder.remove(target)
                try File.move(staging, to: target)
            }
            return record
        } catch {
            try? Folder.remove(staging)
            return nil
        }
    }
}

extension MadeDigests {
    /// What is asked for a task; nil where something that it takes is not known by its contents.
    mutating func question(
        _ task: PlannedTask, _ station: PlannedStation?, _ environments: [EnvironmentID: Digest],
        root: String? = nil
    ) -> Recalling.Question? {
        if !task.dependsOnItsContentsOnly { return nil }
        guard let environment = environments[task.environment] else { return nil }
        var reads: [String: Digest] = [:]
        for folder in task.reads {
            guard let digest = digest(of: folder) else { return nil }
            reads[folder] = digest
        }
        var before: Digest?
        if let turn = task.turnBefore, task.until.contains(where: { $0.requirement == .unchanged }) {
            before = digest(of: turn)
            if before == nil { return nil }
        }
        return .init(task: task, station: station, reads: reads, before: before, environment: (environment, root))
    }
}
