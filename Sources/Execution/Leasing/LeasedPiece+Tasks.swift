internal import CLinux
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Sandbox
internal import Threads
internal import Workspaces

/// The tasks that it runs.
extension LeasedPiece {
    /// Why it is not run here, whatever becomes of the run.
    func refusal(of task: PlannedTask) -> ExecutionFailure? {
        if let signed, !signed.hasTask(task) {
            return ExecutionFailure(
                "this host starts only what is signed, and \(Shown.text(task.id.name)) is none of the signed metro's tasks",
                exitCode: .integrity)
        }
        return secrets.missing(for: task).map {
            ExecutionFailure("the secret \(Shown.text($0)) was not given to this host", exitCode: .usage)
        }
    }

    func startQueued() throws {
        while let place = queue.firstIndex(where: { free.holds($0.task.uses) && hasWorkspaces(of: $0) }) {
            if images?.engine == .container, running.values.contains(where: \.task.hasRoom) { return }
            try start(queue.remove(at: place))
        }
    }

    /// What las has told of its workspaces is here, as far as the task needs it, and whole.
    func hasWorkspaces(of lease: Lease) -> Bool {
        if lease.task.workspaces.allSatisfy(\.isShared) { return true }
        // Where las spoke of them only after it leased the task.
        guard let shares = shares.change({ $0 }), (try? shares.need(lease.task, lease.id, canShow: { canShow })) != nil
        else { return false }
        return line?.isInStep ?? false
    }

    /// Whether tasks can see folders that have files fetched when they are opened: tried once, when the first task asks for it.
    var canShow: Bool {
        if let shows { return shows }
        let engine = images?.engine
        let can = (engine == .kernel || engine == .fuse) && ShownFolder.canShow(in: folder.path)
        shows = can
        return can
    }

    func release(_ lease: Lease) { shares.change { $0 }?.release(lease.task, lease.id) }

    /// What it did in its workspaces is known before its end is told.
    func inWorkspaces(of lease: Lease, _ perform: () -> RunningTask.Past) -> RunningTask.Past {
        let task = lease.task
        if task.workspaces.isEmpty { return perform() }
        do {
            if task.workspaces.contains(where: \.isShared), let images {
                // One that all machines see was made by the one that leads the run, and is to be seen here.
                try RunWorkspaces(folder).fill(try Piece.plan(of: images).plan, from: images.metro)
            }
        } catch { return Self.failed("\((error as? any Failure)?.description ?? "\(error)")") }
        let (watches, begun) = (watches(of: task), Clock.monotonic)
        let past = perform()
        let written = Self.written(watches, since: begun)
        if !written.isEmpty { wrote.change { $0[lease.id] = written } }
        do {
            try shares.change { $0 }?.look(after: task)
            return past
        } catch {
            return Self.failed(
                "its workspace can't be looked at: \((error as? any Failure)?.description ?? "\(error)")", past)
        }
    }

    static func failed(_ reason: String, _ past: RunningTask.Past? = nil) -> RunningTask.Past {
        RunningTask.Past(
            outcome: .failed(.init(reason: reason)), seconds: past?.seconds ?? 0, usage: past?.usage ?? SandboxUsage(),
            printed: past?.printed ?? "", wasCancelled: past?.wasCancelled ?? false)
    }

    func start(_ lease: Lease) throws {
        guard let around else { return }
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 0) != 0 { throw ExecutionFailure.system("can't make a pipe") }
        let number = nextNumber
        nextNumber += 1
        var own = RunningTask.Surroundings(
            run: around.run, sandbox: around.sandbox, cancelling: ends[0], store: around.store, isFresh: true,
            folders: around.folders, cells: around.cells, groups: groups(for: lease.task))
        if lease.task.workspaces.contains(where: \.isOpened), canShow {
            own.show = { [shares] name in try shares.change { $0 }?.share(name) }
        }
        let gpus = Array(freeGPUs.prefix(lease.task.uses.gpus))
        freeGPUs.removeFirst(gpus.count)
        let task = RunningTask(lease.task, number: number, attempt: lease.attempt, key: nil, gpus: gpus, in: own)
        running[number] = Running(lease: lease, task: task, cancelling: (ends[0], ends[1]))
        free.take(lease.task.uses)
        line?.send(Frame(.leaseBegan, json: LeaseBegan(id: lease.id)))
        do throws(OwnThread.Refused) {
            try crew.perform { [self] in
                say(.past(number, inWorkspaces(of: lease) { task.perform { say(.settles(number)) } }))
            }
        } catch { throw ExecutionFailure(error) }
    }

    func giveRoom(of task: RunningTask) {
        guard task.hasRoom else { return }
        task.hasRoom = false
        free.give(task.task.uses)
        freeGPUs = (freeGPUs + task.gpus).sorted()
    }

    /// Made when the first task wants memory; where none can be made each process is held to it.
    func groups(for task: PlannedTask) -> ControlGroups? {
        if task.uses.memory == nil { return nil }
        if groups == nil { groups = .some(try? ControlGroups()) }
        return groups ?? nil
    }

    func cancel(_ running: Running) {
        var byte: UInt8 = 0
        _ = write(running.cancelling.write, &byte, 1)
    }

    func end(_ number: UInt64, _ past: RunningTask.Past) {
        guard let done = running.removeValue(forKey: number) else { return }
        close(done.cancelling.read)
        close(done.cancelling.write)
        let task = done.lease.task
        giveRoom(of: done.task)
        release(done.lease)
        var note = LeaseEnded(id: done.lease.id, outcome: .failed)
        note.wrote = wrote.change { $0.removeValue(forKey: done.lease.id) }
        if !hasToldOfShowing, task.workspaces.contains(where: \.isOpened), !canShow {
            hasToldOfShowing = true
            note.notes = [
                "files of workspaces can't be fetched here when a command opens them (it takes FUSE): they all come before it starts"
            ]
        }
        var files: [RunEvent.File] = []
        switch past.outcome {
        case .done(let outputs, let turn):
            (note.outcome, note.unmet, files) = (.done, turn?.unmet, outputs.files)
            held[task.made] = outputs.digest
        case .checked(let objection): (note.outcome, note.objection) = (.checked, objection)
        case .failed(let failed):
            note.reason = failed.reason
            note.isFinal = failed.mayRetry ? nil : true
            switch failed.end {
            case .exited(let code): note.exitCode = Int(code)
            case .signaled(let signal): note.signal = Int(signal)
            case nil: break
            }
        }
        if done.isRevoked { return }
        (note.seconds, note.cpuSeconds) = (past.seconds, past.usage.user + past.usage.system)
        note.peakMemory = past.usage.peakMemory > past.usage.floorMemory ?? OwnMemory.peak ? past.usage.peakMemory : nil
        note.printed = past.printed.isEmpty ? nil : past.printed
        let ending = Ending(note: note, made: task.made, files: files, logs: logs(of: done.lease))
        ended.append(ending)
        line?.sendShares()
        line?.send(ending)
    }

    static func place(ofLogs lease: Lease) -> String? {
        guard let name = RelativePath(lease.task.id.name) else { return nil }
        return lease.attempt == 1 ? name.string : "attempt \(lease.attempt)/\(name)"
    }

    /// What it printed, as files below the run's `logs`.
    func logs(of lease: Lease) -> [RunEvent.File] {
        guard let place = Self.place(ofLogs: lease) else { return [] }
        return ["\(place).err", "\(place).out"].compactMap { path in
            let file = "\(folder.logs)/\(path)"
            guard let status = File.status(file), status.kind == .file, let digest = try? FileDigest.digest(of: file)
            else { return nil }
            return RunEvent.File(path: path, size: status.size, digest: digest)
        }
    }
}
