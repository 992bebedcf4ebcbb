/**
 * The source of the MSI (09 PK19), as wixl reads it: it stops the service, places files, and runs
 * `holdfast.exe service install`, which does all the rest. Sequence numbers are written out: wixl resolves `Before`
 * wrongly.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { WindowsFiles } from "./layout.ts";

/** Of every version, for ever: by it an upgrade finds the version before. */
export const UPGRADE_CODE = "6F0C1E62-7A5B-4D8E-9C55-0B1D7C0F5A31";

/** RFC 9562, 5: the same for the same name. */
export function guidOf(name: string): string {
  const digest = createHash("sha1").update(`${UPGRADE_CODE}/${name}`).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString("hex").toUpperCase();
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join("-");
}

/** The file of the program: custom actions run it. */
const PROGRAM = "HoldfastExe";
/** Deferred, and as SYSTEM: as the installer itself, with the rights to do it. */
const DEFERRED = `FileKey="${PROGRAM}" Impersonate="no"`;

/** Its files are named from the folder of the layout: wixl takes no absolute path. */
export function msiSource(
  { addOns, papers }: Pick<WindowsFiles, "addOns" | "papers">,
  version: string,
): string {
  const ids = [...addOns.map((_, index) => `AddOn${index}`), ...papers.map((_, n) => `Paper${n}`)];
  return `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="${guidOf(`product ${version}`)}" UpgradeCode="${UPGRADE_CODE}" Name="Holdfast"
    Language="1033" Version="${version}" Manufacturer="Holdfast">
    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine" Description="Holdfast gateway"/>
    <Media Id="1" Cabinet="holdfast.cab" EmbedCab="yes"/>
    <MajorUpgrade DowngradeErrorMessage="A newer version of Holdfast is installed."/>
    <Property Id="CONFIG" Value=" "/>
    <Property Id="SERVICEACCOUNT" Value=" "/>
    <Property Id="STARTOPTION" Value="--sid-type=restricted"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="INSTALLDIR" Name="Holdfast">
          <Component Id="Program" Guid="${guidOf("program")}" Win64="yes">
            <File Id="${PROGRAM}" Name="holdfast.exe" Source="holdfast.exe" KeyPath="yes"/>
            <ServiceControl Id="Stop" Name="Holdfast" Stop="both" Wait="yes"/>
          </Component>
          <Directory Id="LIBDIR" Name="lib">
${addOns.map((name, index) => component(`AddOn${index}`, "lib", name)).join("\n")}
          </Directory>
          <Directory Id="DOCDIR" Name="doc">
${papers.map((name, index) => component(`Paper${index}`, "doc", name)).join("\n")}
          </Directory>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="Holdfast" Level="1">
      <ComponentRef Id="Program"/>
${ids.map((id) => `      <ComponentRef Id="${id}"/>`).join("\n")}
    </Feature>
    <CustomAction Id="UndoInstall" ${DEFERRED} Execute="rollback" Return="ignore" ExeCommand="service uninstall"/>
    <CustomAction Id="RestartOld" ${DEFERRED} Execute="rollback" Return="ignore" ExeCommand="service install"/>
    <CustomAction Id="InstallService" ${DEFERRED} Execute="deferred" Return="check"
      ExeCommand="service install --config &quot;[CONFIG]&quot; --account &quot;[SERVICEACCOUNT]&quot; [STARTOPTION]"/>
    <CustomAction Id="UninstallService" ${DEFERRED} Execute="deferred" Return="check" ExeCommand="service uninstall"/>
    <InstallExecuteSequence>
      <Custom Action="UninstallService" Sequence="3400">REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
      <Custom Action="RestartOld" Sequence="1501">WIX_UPGRADE_DETECTED</Custom>
      <Custom Action="UndoInstall" Sequence="4010">NOT REMOVE AND NOT WIX_UPGRADE_DETECTED</Custom>
      <Custom Action="InstallService" Sequence="5900">NOT REMOVE</Custom>
    </InstallExecuteSequence>
  </Product>
</Wix>
`;
}

function component(id: string, folder: "lib" | "doc", name: string): string {
  return `            <Component Id="${id}" Guid="${guidOf(name)}" Win64="yes">
              <File Id="${id}File" Name="${name}" Source="${folder}/${name}" KeyPath="yes"/>
            </Component>`;
}
