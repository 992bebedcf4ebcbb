#!/bin/sh
# Issues a certificate for an agent with openssl: enrolment.ca.command of receiver.yaml.
#
#   sign-agent.sh CA.crt CA.key SUBJECT URI NOT_BEFORE NOT_AFTER < request.pem > certificate.pem
#
# The first two are written in the configuration, the receiver adds the others. OpenSSL 3.4 and later can be
# told the times (-not_before, -not_after); 30 days from now fit, too.
set -eu
exec openssl x509 -req -CA "$1" -CAkey "$2" -sha256 -days 30 \
  -set_serial "0x$(openssl rand -hex 16)" -subj "/$3" -extfile /dev/fd/3 3<<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:$4
END
