"""What we tell the server inside the handshake (protocol §4): registration before the link, login after it."""

from hashlib import md5

from whatsapp import wire_pb2 as wire
from whatsapp.account import Account
from whatsapp.keys import KEY_TYPE
from whatsapp.prekeys import SignedPreKey
from whatsapp.session_settings import SessionSettings

OWN_OS_VERSION = (10, 15, 7)
STORAGE_QUOTA_MB = 10_240


def registration_payload(account: Account, signed: SignedPreKey, settings: SessionSettings) -> bytes:
    """For a device that wants to be linked."""
    payload = _base(settings)
    payload.passive = False
    payload.pull = False
    data = payload.device_pairing_data
    data.e_regid = account.registration_id.to_bytes(4, "big")
    data.e_keytype = KEY_TYPE
    data.e_ident = account.identity.public
    data.e_skey_id = signed.id.to_bytes(3, "big")
    data.e_skey_val = signed.keys.public
    data.e_skey_sig = signed.signature
    data.build_hash = md5(settings.version.encode(), usedforsecurity=False).digest()
    data.device_props = _device_props(settings).SerializeToString()
    return payload.SerializeToString()


def login_payload(account: Account, settings: SessionSettings) -> bytes:
    """For a linked device."""
    payload = _base(settings)
    payload.username = int(account.own_jid.user)
    payload.device = account.own_jid.device
    payload.passive = True
    payload.pull = True
    payload.lid_db_migrated = True
    payload.lc = 1
    return payload.SerializeToString()


def _base(settings: SessionSettings) -> wire.ClientPayload:
    agent = wire.ClientPayload.UserAgent(
        platform=wire.ClientPayload.UserAgent.WEB,
        release_channel=wire.ClientPayload.UserAgent.RELEASE,
        app_version=wire.AppVersion(primary=2, secondary=3000, tertiary=settings.revision),
        mcc="000",
        mnc="000",
        os_version="0.1",
        manufacturer="",
        device="Desktop",
        os_build_number="0.1",
        locale_language_iso6391="en",
        locale_country_iso31661_alpha2="US",
    )
    web = wire.ClientPayload.WebInfo(web_sub_platform=wire.ClientPayload.WebInfo.WEB_BROWSER)
    payload = wire.ClientPayload(
        user_agent=agent,
        web_info=web,
        connect_type=wire.ClientPayload.WIFI_UNKNOWN,
        connect_reason=wire.ClientPayload.USER_ACTIVATED,
    )
    if settings.push_name:
        payload.push_name = settings.push_name
    return payload


def _device_props(settings: SessionSettings) -> wire.DeviceProps:
    primary, secondary, tertiary = OWN_OS_VERSION
    return wire.DeviceProps(
        os=settings.os_name,
        version=wire.AppVersion(primary=primary, secondary=secondary, tertiary=tertiary),
        platform_type=settings.platform,
        require_full_sync=False,
        history_sync_config=wire.DeviceProps.HistorySyncConfig(
            storage_quota_mb=STORAGE_QUOTA_MB, inline_initial_payload_in_e2ee_msg=True
        ),
    )
