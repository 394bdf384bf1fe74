"""Which Debian package holds a shared library that a wheel expects of the system.

The table covers what manylinux wheels may link (PEP 513, 571, 599 and 600 and auditwheel's policies) and what else
wheels often open at run time. Names are of bookworm or older; a suite that has renamed a package (``t64``) still
provides the old name, and the resolver follows it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

LIBRARIES: Final[Mapping[str, str]] = {
    # glibc, always there
    "ld-linux-aarch64.so.1": "libc6",
    "ld-linux-armhf.so.3": "libc6",
    "ld-linux-riscv64-lp64d.so.1": "libc6",
    "ld-linux-x86-64.so.2": "libc6",
    "ld64.so.1": "libc6",
    "ld64.so.2": "libc6",
    "libBrokenLocale.so.1": "libc6",
    "libanl.so.1": "libc6",
    "libc.so.6": "libc6",
    "libdl.so.2": "libc6",
    "libm.so.6": "libc6",
    "libmvec.so.1": "libc6",
    "libnsl.so.1": "libc6",
    "libpthread.so.0": "libc6",
    "libresolv.so.2": "libc6",
    "librt.so.1": "libc6",
    "libthread_db.so.1": "libc6",
    "libutil.so.1": "libc6",
    # the compilers' own
    "libasan.so.8": "libasan8",
    "libatomic.so.1": "libatomic1",
    "libgcc_s.so.1": "libgcc-s1",
    "libgfortran.so.5": "libgfortran5",
    "libgomp.so.1": "libgomp1",
    "libitm.so.1": "libitm1",
    "libobjc.so.4": "libobjc4",
    "libquadmath.so.0": "libquadmath0",
    "libstdc++.so.6": "libstdc++6",
    "libubsan.so.1": "libubsan1",
    "libomp.so.5": "libomp5",
    "libunwind.so.8": "libunwind8",
    # the rest of manylinux
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libGL.so.1": "libgl1",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgio-2.0.so.0": "libglib2.0-0",
    "libgmodule-2.0.so.0": "libglib2.0-0",
    "libz.so.1": "zlib1g",
    "libexpat.so.1": "libexpat1",
    "libcrypt.so.1": "libcrypt1",
    "libncursesw.so.6": "libncursesw6",
    "libncurses.so.6": "libncurses6",
    "libpanelw.so.6": "libncursesw6",
    # X11, OpenGL and desktop, for opencv, Qt, VTK, browsers and the like
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libGLX.so.0": "libglx0",
    "libGLdispatch.so.0": "libglvnd0",
    "libGLU.so.1": "libglu1-mesa",
    "libOpenGL.so.0": "libopengl0",
    "libOSMesa.so.8": "libosmesa6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXau.so.6": "libxau6",
    "libXcomposite.so.1": "libxcomposite1",
    "libXcursor.so.1": "libxcursor1",
    "libXdamage.so.1": "libxdamage1",
    "libXdmcp.so.6": "libxdmcp6",
    "libXfixes.so.3": "libxfixes3",
    "libXft.so.2": "libxft2",
    "libXi.so.6": "libxi6",
    "libXinerama.so.1": "libxinerama1",
    "libXmu.so.6": "libxmu6",
    "libXrandr.so.2": "libxrandr2",
    "libXss.so.1": "libxss1",
    "libXt.so.6": "libxt6",
    "libXtst.so.6": "libxtst6",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libasound.so.2": "libasound2",
    "libatk-1.0.so.0": "libatk1.0-0",
    "libatk-bridge-2.0.so.0": "libatk-bridge2.0-0",
    "libatspi.so.0": "libatspi2.0-0",
    "libcairo-gobject.so.2": "libcairo-gobject2",
    "libcairo.so.2": "libcairo2",
    "libcups.so.2": "libcups2",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdrm.so.2": "libdrm2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libfribidi.so.0": "libfribidi0",
    "libgbm.so.1": "libgbm1",
    "libgdk-3.so.0": "libgtk-3-0",
    "libgdk_pixbuf-2.0.so.0": "libgdk-pixbuf-2.0-0",
    "libgtk-3.so.0": "libgtk-3-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangocairo-1.0.so.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libpixman-1.so.0": "libpixman-1-0",
    "libportaudio.so.2": "libportaudio2",
    "libpulse.so.0": "libpulse0",
    "libpulse-mainloop-glib.so.0": "libpulse-mainloop-glib0",
    "libsndfile.so.1": "libsndfile1",
    "libvulkan.so.1": "libvulkan1",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxshmfence.so.1": "libxshmfence1",
    # databases, compression, security, system
    "libacl.so.1": "libacl1",
    "libattr.so.1": "libattr1",
    "libaio.so.1": "libaio1",
    "libbrotlidec.so.1": "libbrotli1",
    "libbsd.so.0": "libbsd0",
    "libbz2.so.1.0": "libbz2-1.0",
    "libcap.so.2": "libcap2",
    "libcom_err.so.2": "libcom-err2",
    "libcrypto.so.3": "libssl3",
    "libcurl-gnutls.so.4": "libcurl3-gnutls",
    "libcurl.so.4": "libcurl4",
    "libdb-5.3.so": "libdb5.3",
    "libedit.so.2": "libedit2",
    "libelf.so.1": "libelf1",
    "libffi.so.8": "libffi8",
    "libgcrypt.so.20": "libgcrypt20",
    "libgmp.so.10": "libgmp10",
    "libgnutls.so.30": "libgnutls30",
    "libgpg-error.so.0": "libgpg-error0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libibverbs.so.1": "libibverbs1",
    "libidn2.so.0": "libidn2-0",
    "libjpeg.so.62": "libjpeg62-turbo",
    "libk5crypto.so.3": "libk5crypto3",
    "libkeyutils.so.1": "libkeyutils1",
    "libkrb5.so.3": "libkrb5-3",
    "libkrb5support.so.0": "libkrb5support0",
    "libldap-2.5.so.0": "libldap-2.5-0",
    "liblz4.so.1": "liblz4-1",
    "liblzma.so.5": "liblzma5",
    "liblzo2.so.2": "liblzo2-2",
    "libmagic.so.1": "libmagic1",
    "libmariadb.so.3": "libmariadb3",
    "libmount.so.1": "libmount1",
    "libnghttp2.so.14": "libnghttp2-14",
    "libnsl.so.2": "libnsl2",
    "libnspr4.so": "libnspr4",
    "libnss3.so": "libnss3",
    "libnssutil3.so": "libnss3",
    "libsmime3.so": "libnss3",
    "libnuma.so.1": "libnuma1",
    "libodbc.so.2": "libodbc2",
    "libodbcinst.so.2": "libodbcinst2",
    "libopenblas.so.0": "libopenblas0",
    "libopenjp2.so.7": "libopenjp2-7",
    "libblas.so.3": "libblas3",
    "liblapack.so.3": "liblapack3",
    "libp11-kit.so.0": "libp11-kit0",
    "libpam.so.0": "libpam0g",
    "libpci.so.3": "libpci3",
    "libpcre2-8.so.0": "libpcre2-8-0",
    "libpng16.so.16": "libpng16-16",
    "libpq.so.5": "libpq5",
    "librdkafka.so.1": "librdkafka1",
    "librdmacm.so.1": "librdmacm1",
    "libreadline.so.8": "libreadline8",
    "libsasl2.so.2": "libsasl2-2",
    "libseccomp.so.2": "libseccomp2",
    "libselinux.so.1": "libselinux1",
    "libsnappy.so.1": "libsnappy1v5",
    "libsodium.so.23": "libsodium23",
    "libspatialindex.so.6": "libspatialindex6",
    "libsqlite3.so.0": "libsqlite3-0",
    "libssl.so.3": "libssl3",
    "libsybdb.so.5": "libsybdb5",
    "libsystemd.so.0": "libsystemd0",
    "libtbb.so.12": "libtbb12",
    "libtiff.so.6": "libtiff6",
    "libtinfo.so.6": "libtinfo6",
    "libtirpc.so.3": "libtirpc3",
    "libudev.so.1": "libudev1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libuuid.so.1": "libuuid1",
    "libuv.so.1": "libuv1",
    "libwebp.so.7": "libwebp7",
    "libwebpdemux.so.2": "libwebpdemux2",
    "libwebpmux.so.3": "libwebpmux3",
    "libxml2.so.2": "libxml2",
    "libxmlsec1-openssl.so.1": "libxmlsec1-openssl",
    "libxmlsec1.so.1": "libxmlsec1",
    "libxslt.so.1": "libxslt1.1",
    "libexslt.so.0": "libxslt1.1",
    "libyaml-0.so.2": "libyaml-0-2",
    "libzmq.so.5": "libzmq5",
    "libzstd.so.1": "libzstd1",
}
"""Soname -> package."""

_PYTHON: Final = re.compile(r"libpython(3\.\d+)\.so\.1\.0")
_SONAME: Final = re.compile(r"(lib.+|ld(64|-linux.*|-.*)?)\.so(\.[0-9A-Za-z.]+)?")


def package_for(soname: str) -> str | None:
    """The package that holds `soname`, by its name in bookworm, or None where the table has no entry."""
    python = _PYTHON.fullmatch(soname)
    return f"libpython{python[1]}" if python else LIBRARIES.get(soname)


def unknown_libraries(sonames: Iterable[str]) -> tuple[str, ...]:
    """Those of `sonames` that no known package holds, sorted."""
    return tuple(sorted({soname for soname in sonames if package_for(soname) is None}))


def holds(packages: Iterable[str], soname: str) -> bool:
    """Whether one of `packages` is, by its name, the one that holds `soname`."""
    package = package_for(soname)
    # trixie renamed libraries when time_t grew on 32-bit machines.
    return package is not None and not {package, f"{package}t64"}.isdisjoint(packages)


def provided_sonames(paths: Iterable[str]) -> frozenset[str]:
    """File names among `paths` that the loader could be asked for, in its default folders and those of ld.so.conf.

    A library's own file name counts as well as its soname's link; nothing is opened.
    """
    names = (posixpath.split(path) for path in paths)
    return frozenset(name for folder, name in names if _SONAME.fullmatch(name) and _is_library_folder(folder))


def _is_library_folder(folder: str) -> bool:
    parts = folder.strip("/").split("/")
    # python3/dist-packages, gconv, engines and other plug-in folders are not searched.
    return parts[-1] in ("lib", "lib64", "lib32") or (parts[-2:-1] == ["lib"] and "-linux-" in parts[-1])
