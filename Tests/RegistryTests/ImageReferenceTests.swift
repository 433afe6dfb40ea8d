import Digests
import Testing

@testable import Registry

@Suite struct ImageReferenceTests {
    @Test func placesOfImages() throws {
        let hub = try ImageReference("docker.io/library/debian:12")
        #expect(hub.registry == "docker.io" && hub.name == "library/debian" && hub.tag == "12" && hub.digest == nil)
        let own = try ImageReference("127.0.0.1:5000/a/b__c-d.e")
        #expect(own.registry == "127.0.0.1:5000" && own.name == "a/b__c-d.e" && own.tag == "latest")
        let digest = Digest(of: [1])
        let exact = try ImageReference("GHCR.io/x:1@sha256:\(digest.hex)")
        #expect(exact.registry == "ghcr.io" && exact.digest == digest && exact.manifest == "sha256:\(digest.hex)")
        #expect(exact.description == "ghcr.io/x:1@sha256:\(digest.hex)")
    }

    @Test(arguments: [
        "debian", "debian:12", "group/name", "ghcr.io/", "ghcr.io/Name", "ghcr.io/a//b", "ghcr.io/../x",
        "ghcr.io/a___b",
        "ghcr.io/-a", "ghcr.io/a:.b", "ghcr.io/a:\(String(repeating: "t", count: 129))", "ghcr.io/a@sha256:12",
        "ghcr.io:99999/a", "user@ghcr.io/a", "ghcr.io/a?x=y", "-x.io/a", "ghcr.io/a b",
    ])
    func whatIsNoPlaceIsRefused(_ text: String) {
        #expect(throws: RegistryFailure.self) { try ImageReference(text) }
    }

    @Test func aRegistryIsNeverGuessed() {
        let failure = #expect(throws: RegistryFailure.self) { try ImageReference("alice/metro:1") }
        #expect(failure?.fix == "begin with the registry's name: docker.io/alice/metro:1")
    }
}

@Suite struct ChallengeTests {
    @Test func whatAServerAsksFor() {
        let bearer = Challenge(
            #"Bearer realm="https://auth.example.org/token",service="reg, with a comma",scope="repository:a:pull,push""#
        )
        #expect(bearer?.scheme == "bearer")
        #expect(
            bearer?.parameters == [
                "realm": "https://auth.example.org/token", "service": "reg, with a comma",
                "scope": "repository:a:pull,push",
            ])
        #expect(Challenge("Basic realm=x")?.parameters == ["realm": "x"])
        #expect(Challenge("")?.scheme == nil)
    }

    @Test func addressesThatAreTheSameServer() {
        #expect(Origin("https://Ghcr.io/x") == Origin("https://ghcr.io:443/y?z"))
        #expect(Origin("http://ghcr.io") != Origin("https://ghcr.io"))
        #expect(Origin("https://ghcr.io@evil.example/") == nil)
        #expect(Origin("file:///etc/passwd") == nil)
        #expect(Origin("http://127.0.0.1:5000")?.isLoopback == true)
        #expect(Origin("http://127.0.0.1.example.org")?.isLoopback == false)
        #expect(Origin("http://[::1]:5000")?.isLoopback == true)
    }
}
