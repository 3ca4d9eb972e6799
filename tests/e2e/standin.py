"""A stand-in for the front-end's image, so that what the launcher does is tested in seconds and in every case.

It boots and answers its probe as the text of OPENNEBULA_FRONTEND_HOST tells: any name makes it ``ok`` after a second,
``ends`` makes it end with code 7, ``fails`` makes its probe tell of a failed service.
"""

CONTAINERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY boot /frontend-bootstrap.sh
COPY probe /frontend-healthcheck.sh
RUN chmod 755 /frontend-bootstrap.sh /frontend-healthcheck.sh
VOLUME ["/var/lib/mysql", "/var/lib/beyond"]
ENTRYPOINT ["/frontend-bootstrap.sh"]
"""

BOOT = """\
#!/bin/sh
echo "booting as $OPENNEBULA_FRONTEND_HOST"
trap 'echo stopped >>/var/lib/mysql/history; exit 0' TERM
echo started >>/var/lib/mysql/history
[ "$OPENNEBULA_FRONTEND_HOST" != ends ] || { echo "there is no way on"; exit 7; }
sleep 1
echo up >/run/up
while :; do sleep 1 & wait $!; done
"""

PROBE = """\
#!/bin/sh
[ "$OPENNEBULA_FRONTEND_HOST" != fails ] || { echo "failed: mysqld: the disk is full"; exit 1; }
[ -e /run/up ] || { echo "starting (waiting for oned)"; exit 1; }
echo ok
"""
