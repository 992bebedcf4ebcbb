/** A package for Red Hat, SUSE and their kin (09 PK18). @module */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STORE_SCHEMA } from "#agent/updater/package-manager.ts";
import { ROOT } from "../root.ts";
import { sourceDate } from "../source-date.ts";
import type { LinuxPackage } from "./contents.ts";
import { filled } from "./scripts.ts";
import { stage } from "./stage.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64",
  "linux-arm64": "aarch64",
};
/** Sections of the specification file, and the script that each runs. */
const SCRIPTS = ["post", "preun", "postun", "posttrans"];
const RELEASE = "1";

/**
 * @param compression of the payload, as rpm names it: `w7.xzdio` for a release
 * @returns its path, in `dist`
 */
export function makeRpm(
  linux: LinuxPackage,
  dist: string,
  work: string,
  compression = "w7.xzdio",
): string {
  const { name, version, platform } = linux;
  const folder = join(work, `${name}-rpm`);
  const staged = join(folder, "staged");
  stage(linux, staged);
  // Whose files these are is asked of it by `holdfast service`, which never replaces a package's.
  writeFileSync(join(staged, `opt/${name}/packaged-by`), "rpm\n");
  const architecture = ARCHITECTURES[platform] ?? platform;
  const specification = join(folder, `${name}.spec`);
  writeFileSync(specification, specificationText(linux));
  const output = join(folder, "rpms");
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const macros: Readonly<Record<string, string>> = {
    ...{ _topdir: join(folder, "top"), _rpmdir: output, _build_id_links: "none" },
    // Nothing of this machine, and no hour of its own, is in a package (PK13).
    ...{ _buildhost: "holdfast", use_source_date_epoch_as_buildtime: "1" },
    ...{ clamp_mtime_to_source_date_epoch: "1", _binary_payload: compression },
    ...{ debug_package: "%{nil}", __os_install_post: "%{nil}" },
    // Names of the folders of the distribution that installs it, whichever builds it.
    ...{ _unitdir: "/usr/lib/systemd/system", _sourcedir: folder, staged },
  };
  const defines = Object.entries(macros).flatMap(([key, value]) => ["--define", `${key} ${value}`]);
  const build = ["rpmbuild", "-bb", "--target", `${architecture}-linux`, ...defines, specification];
  execFileSync("env", [`SOURCE_DATE_EPOCH=${sourceDate()}`, ...build], { stdio: "pipe" });
  const fileName = `${name}-${version}-${RELEASE}.${architecture}.rpm`;
  copyFileSync(join(output, architecture, fileName), join(dist, fileName));
  return join(dist, fileName);
}

function specificationText(linux: LinuxPackage): string {
  const { name, version, summary, files, storeSchema } = linux;
  const scripts = SCRIPTS.map((script) => {
    const text = readFileSync(join(ROOT, "installer/linux/rpm", script), "utf8");
    // Percent signs begin macros there.
    return `%${script} -p /bin/sh\n${filled(text, linux).replaceAll("%", "%%")}`;
  });
  const listed = files.map(({ path, mode }) => `%attr(0${mode.toString(8)},root,root) /${path}`);
  return `Name: ${name}
Version: ${version}
Release: ${RELEASE}
Summary: ${summary}
License: Proprietary
Group: Applications/Communications
AutoReqProv: no
Requires: glibc >= 2.28, libstdc++, systemd
${storeSchema === undefined ? "" : `Provides: ${STORE_SCHEMA} = ${storeSchema}\n`}
%description
Needs nothing but what it requires: no runtime, no download. It asks no
question when it is installed, and removing it keeps what it has stored.

%install
mkdir -p %{buildroot}
cp -a %{staged}/. %{buildroot}/

${scripts.join("\n")}
%files
%dir /opt/${name}
%dir /opt/${name}/bin
%dir /opt/${name}/lib
%attr(0644,root,root) /opt/${name}/packaged-by
${listed.join("\n")}
/usr/bin/${name}
`;
}
