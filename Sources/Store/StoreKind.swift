internal import Files

/// What LASH's store holds, by kind: a folder each.
package enum StoreKind: String, Hashable, Sendable, CaseIterable, Codable {
    case packages, inputs, archives, unpacked, layers, blocks, parts, images, made, tasks, each, runs, runtimes, stamps,
        pushed, known
    /// What was not finished, and what was written while something was made.
    case unfinished

    /// For people.
    package var about: String {
        switch self {
        case .packages: "packages as they were fetched"
        case .inputs: "files of addresses as they were fetched"
        case .archives: "lists of what package archives have"
        case .unpacked: "archives, unpacked"
        case .layers: "packages unpacked, and what was built"
        case .blocks: "layers compressed for images"
        case .parts: "images and runtimes of bundles"
        case .images: "images unpacked to run"
        case .made: "notes of what was made of what"
        case .tasks: "what tasks made, to be used again"
        case .each: "locks of las each"
        case .runs: "runs that go on, failed or ended, with their logs"
        case .runtimes: "runtimes that were brought here"
        case .stamps: "notes of bundles that were checked"
        case .pushed: "notes of what registries were sent"
        case .known: "notes of metros and bundles"
        case .unfinished: "what was not finished"
        }
    }

    /// Whether its entries say by themselves, or by another one, what their bytes must be.
    package var isCheckable: Bool {
        switch self {
        case .packages, .inputs, .archives, .unpacked, .layers, .blocks, .parts, .images, .tasks, .runtimes: true
        case .made, .each, .runs, .stamps, .pushed, .known, .unfinished: false
        }
    }

    func folder(in lash: LASH) -> String {
        switch self {
        case .packages: lash.packages
        case .inputs: lash.inputs
        case .archives: lash.archives
        case .unpacked: lash.unpacked
        case .layers: lash.layers
        case .blocks: lash.blocks
        case .parts: lash.parts
        case .images: lash.images
        case .made: lash.made
        case .tasks: lash.tasks
        case .each: lash.each
        case .runs: lash.runs
        case .runtimes: lash.runtimes
        case .stamps: lash.stamps
        case .pushed: lash.pushed
        case .known: lash.known
        case .unfinished: lash.temporary
        }
    }
}
