"""Drivers: the programs and Python classes that act on hosts and storage, as ``oned.conf`` names them.

What they are asked is the same for both kinds; a program gets it in OpenNebula 6.0's line protocol.

========= ================= ============================================================= =========================
kind      section           message                                                       answer
========= ================= ============================================================= =========================
vmm       VM_MAD            ``<VMM_DRIVER_ACTION_DATA>`` with HOST, DEPLOY_ID, VM ...     DEPLOY: the deploy id
tm        TM_MAD            ``<TM_DRIVER_ACTION_DATA>`` with COMMANDS (lines such as      none
                            ``CLONE ssh frontend:/a host:/b 7 1``) and VM; or the lines
datastore DATASTORE_MAD     ``<DS_DRIVER_ACTION_DATA>`` with IMAGE and DATASTORE          CP: source and format;
                                                                                          CLONE, MKFS: source; STAT:
                                                                                          MB; MONITOR: a template
market    MARKET_MAD        ``<MARKET_DRIVER_ACTION_DATA>`` with MARKETPLACEAPP ...       IMPORT, MONITOR: templates
im        IM_MAD            with HOST and MONITOR_CONFIGURATION                           ``<MONITOR_MESSAGES>``
auth      AUTH_MAD          words: user id, driver, name, stored password, secret         words: driver, name, secret
ipam      IPAM_MAD          ``<IPAM_DRIVER_ACTION_DATA>`` with AR and ADDRESS             a template
========= ================= ============================================================= =========================
"""
