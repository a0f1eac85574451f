import Testing

@testable import OutgoingTLS

@Suite struct TLSWordsTests {
  @Test func theReasonIsFoundInTheStacksWords() {
    let text =
      "Error: 268435612 error:1000009c:SSL routines:OPENSSL_internal:HTTP_REQUEST at /src/ssl/tls_record.cc:211"
    #expect(TLSWords.reason(in: text) == "HTTP_REQUEST")
  }

  @Test func alertsAboutCertificatesAreToldApart() {
    #expect([42, 43, 44, 45, 46, 48].allSatisfy(TLSWords.refusesCertificate(alert:)))
    #expect(![0, 40, 47, 70, 90, 112, 120].contains(where: TLSWords.refusesCertificate(alert:)))
  }
}
