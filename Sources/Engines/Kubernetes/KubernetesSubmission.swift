package import Plan

/// What kubectl is given for a run.
package struct KubernetesSubmission: Sendable, CustomStringConvertible {
    /// What all objects are called after, and their label `las/run`.
    package let name: String
    package let objects: [KubernetesObject]

    /// - Parameter patches: texts that are merged into the objects.
    package init(_ plan: Plan, _ options: KubernetesOptions, patches: [KubernetesPatch] = []) throws {
        let manifest = try KubernetesManifest(plan, options)
        var objects = try manifest.stations()
        for patch in patches { objects = try patch.applied(to: objects) }
        (name, self.objects) = (manifest.name, objects)
    }

    package var description: String { objects.text(head: ["A run that las looks after: las ps, las cancel."]) }
}
