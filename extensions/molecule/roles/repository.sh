#!/bin/sh
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes a flat package repository: repository.sh RELEASE FOLDER "PACKAGE..."
#
# mmdebstrap makes a system of that release, as the template debian does, and then apt fetches for it what the system
# hasn't got. Only what was fetched is kept.
set -eu
release=$1 folder=$2 packages=$3
draft=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$draft"' EXIT
cat >"$draft/fetch" <<'HOOK'
#!/bin/sh
set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
mkdir -p "$FETCHED/partial"
# shellcheck disable=SC2086 # these are words
apt-get -qq -y --no-install-recommends --download-only -o Dir::Cache::archives="$FETCHED" \
    -o APT::Keep-Downloaded-Packages=true install $PACKAGES
HOOK
chmod +x "$draft/fetch"
chmod 755 "$draft"
# shellcheck disable=SC1091,SC2016 # apt's own names for what to print
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' |
    awk -v own="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == own && $3 == "main" { print $1; exit }')
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# As lxc_container does it, with the packages that its template debian always has, and Python.
PACKAGES=$packages FETCHED=$draft/packages mmdebstrap --quiet --variant=minbase --format=null \
    --include=systemd-sysv,dbus,iproute2,iputils-ping,ca-certificates,python3 \
    --customize-hook="$draft/fetch" "$release" - "deb [signed-by=$keyring] $mirror $release main"
cd "$draft/packages"
rm -rf partial lock
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\n' "$file" "$(stat -c %s "$file")"
    printf 'SHA256: %s\n\n' "$(sha256sum "$file" | cut -c -64)"
done >Packages
mv "$draft/packages" "$folder"
