"""smb-holder.py NAME OTHERS: a Windows program that has a file of the share "drop" open for writing, until its input ends.

OTHERS: what it lets others do meanwhile, of r (read), w (write), d (delete, rename). Each line of input is an offset, a
blank and the text that is written there.
"""
import sys

from samba import credentials
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param

name, others = sys.argv[1:]
settings = param.get_context()
settings.load(sys.path[0] + "/smb.conf")
account = credentials.Credentials()
account.guess(settings)
account.set_kerberos_state(credentials.DONT_USE_KERBEROS)
account.set_username("gateway")
account.set_password("gateway")
server = libsmb.Conn("10.77.0.2", "drop", settings, account)
# MS-SMB2 2.2.13: ShareAccess; GENERIC_READ | GENERIC_WRITE; FILE_OPEN_IF.
share = sum({"r": 1, "w": 2, "d": 4}[other] for other in others)
file = server.create(name, DesiredAccess=0xC0000000, ShareAccess=share, CreateDisposition=3)
print("open", flush=True)
for line in sys.stdin:
    offset, text = line.rstrip("\n").split(" ", 1)
    server.write(file, text.encode(), int(offset))
    print("written", flush=True)
server.close(file)
