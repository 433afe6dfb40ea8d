package import Failures

/// A layer in LASH's store that is not as it was written.
package struct LayerFailure: Failure {
    package let summary: String
    package let place: String?
    package let fix: String?
    /// Whether what is damaged has left the store, so that trying once more makes it again.
    package var hasLeft = false

    package init(_ summary: String, place: String? = nil, fix: String? = nil) {
        (self.summary, self.place, self.fix) = (summary, place, fix)
    }

    static func damaged(_ layer: Layer, _ files: [String], in folder: String) -> LayerFailure {
        let more = files.count > 1 ? " and \(files.count - 1) more" : ""
        var failure = LayerFailure(
            "the layer \(Shown.whole(layer.name)) was damaged in LASH: \(Shown.whole(files.first ?? ""))\(more) had another digest",
            place: folder, fix: "try again: it has left the store, and is made anew")
        failure.hasLeft = true
        return failure
    }

    package var exitCode: ExitCode { .integrity }
}
