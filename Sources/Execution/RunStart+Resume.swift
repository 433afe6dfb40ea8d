package import Files
internal import HostProtocol
internal import Parts

extension RunFolder {
    /// What a run goes on with that was cut off, or ended without its results.
    ///
    /// - Throws: where it goes on already, has ended well, or its images are no longer what they were.
    package func startOfResumed(cpus: Int? = nil, in lash: LASH) throws -> RunStart {
        Journal.waitForLettingGo(journal)
        if Journal.isHeld(journal) {
            throw ExecutionFailure("the run is going on already", place: path, exitCode: .usage)
        }
        if let end = Journal.last(journal), end.kind == .runEnded, end.succeeded ?? false {
            throw ExecutionFailure("the run has ended well: there is nothing to resume", place: path, exitCode: .usage)
        }
        var start = try readStart()
        for image in [start.metro] + start.environments.sorted(by: { $0.key < $1.key }).map(\.value) {
            try image.check(in: lash)
        }
        if let cpus, cpus != start.cpus {
            start.cpus = cpus
            try write(start)
        }
        return start
    }
}

extension ImageLocation {
    /// Whether what lies there is still what the run began with.
    fileprivate func check(in lash: LASH) throws {
        let store = PartStore(lash)
        if path == ContainerRoot.metro { return }
        if path == store.path(of: digest) {
            if store.has(digest) { return }
        } else if let bundle = try? BundleFile.open(path), let placed = bundle.placed(digest), placed.offset == offset {
            try bundle.verifyOnce(in: lash)
            return
        } else if offset == 0, let status = File.status(path), status.size == size {
            return
        }
        throw ExecutionFailure(
            "what the run was started from is not there any more", place: path,
            cause: "a part of it, \(digest.short), is missing or was replaced",
            fix: "start it anew: what is done and known by its contents is not run again", exitCode: .integrity)
    }
}

extension HostService {
    func resume(_ resume: Resume) throws {
        let folder = try existing(resume.run)
        if let cpus = resume.cpus, cpus < 1 {
            throw ExecutionFailure("a run needs at least one cpu", exitCode: .usage)
        }
        let start = try folder.startOfResumed(cpus: resume.cpus, in: lash)
        guard !policy.demandsSignature || start.isSigned == true else {
            throw ExecutionFailure(
                "the run began before this host demanded a signature",
                fix: "start it anew from a signed bundle: las sign NAME.las, then las deploy NAME.las",
                exitCode: .integrity)
        }
        resumedAt[resume.run] = Journal.last(folder.journal)?.sequence
        try launch(
            resume.run, folder, tethered: resume.tethered, secrets: resume.secrets ?? [:], cluster: start.cluster)
        try channel.send(Frame(.started, json: Started(run: resume.run)))
    }
}
