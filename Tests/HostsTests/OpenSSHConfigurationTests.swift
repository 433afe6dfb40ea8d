import Testing

@testable import Hosts

@Suite struct OpenSSHConfigurationTests {
    @Test func ciphersThatAProcessorKnowsComeFirstAndNoneThatIsNotAllowed() throws {
        var configuration = try OpenSSHConfiguration(
            of: HostAddress("vega"), environment: ["PATH": "/nowhere"])
        let (chacha, gcm, counter) = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr")
        configuration.ciphers = [chacha, counter, gcm]
        #expect(configuration.orderedCiphers(knowingAES: true) == [gcm, chacha, counter])
        #expect(configuration.orderedCiphers(knowingAES: false) == nil)
        configuration.ciphers = [chacha, counter]
        #expect(configuration.orderedCiphers(knowingAES: true) == nil)
        let (hybrid, curve) = ("sntrup761x25519-sha512@openssh.com", "curve25519-sha256")
        configuration.keyExchanges = [hybrid, curve]
        #expect(configuration.lightKeyExchanges == [curve, hybrid])
        configuration.keyExchanges = [hybrid]
        #expect(configuration.lightKeyExchanges == nil)
    }
}
