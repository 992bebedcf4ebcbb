; setup.exe: for hands (09 2, PK19). It stops the service, places files, and runs `holdfast.exe service install`, which does all the rest.
;
;   setup.exe /S /CONFIG=D:\local.yaml /ACCOUNT=CORP\svc-holdfast$ /NOSTART /D=C:\Program Files\Holdfast
;
; Given by setup.ts: VERSION, PROGRAM (a folder), OUT.
Unicode true
Target amd64-unicode
!include FileFunc.nsh
!include LogicLib.nsh

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Holdfast"
!define EXIT_FAILED 1603

Name "Holdfast"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Holdfast"
RequestExecutionLevel admin
ShowInstDetails show
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Holdfast"
VIAddVersionKey FileDescription "Holdfast gateway setup"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey LegalCopyright ""

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Var Config
Var Account
Var Start

!macro Fail Text
  DetailPrint "${Text}"
  SetErrorLevel ${EXIT_FAILED}
  Abort "${Text}"
!macroend

; Runs a program without a console; its lines go to the details. Leaves its exit code in $0.
!macro Run Command
  nsExec::ExecToLog '${Command}'
  Pop $0
!macroend

Function .onInit
  SetRegView 64
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/CONFIG=" $Config
  ${GetOptions} $1 "/ACCOUNT=" $Account
  ClearErrors
  ${GetOptions} $1 "/NOSTART" $2
  StrCpy $Start ""
  ${IfNot} ${Errors}
    StrCpy $Start "--no-start"
  ${EndIf}
  ; An upgrade goes where the program is.
  ReadRegStr $3 HKLM "${UNINSTALL}" "InstallLocation"
  ${If} $3 != ""
    StrCpy $INSTDIR $3
  ${EndIf}
FunctionEnd

; The version before, again as it was; or, at a first installation, nothing.
Function PutBack
  ${IfNot} ${FileExists} "$INSTDIR\previous.exe"
    !insertmacro Run '"$INSTDIR\holdfast.exe" service uninstall'
    Delete "$INSTDIR\lib\*.node"
    RMDir "$INSTDIR\lib"
    Delete "$INSTDIR\holdfast.exe"
    RMDir "$INSTDIR"
  ${Else}
    Delete "$INSTDIR\holdfast.exe"
    Rename "$INSTDIR\previous.exe" "$INSTDIR\holdfast.exe"
    !insertmacro Run '"$INSTDIR\holdfast.exe" service install'
  ${EndIf}
FunctionEnd

Section
  ${If} ${FileExists} "$INSTDIR\holdfast.exe"
    !insertmacro Run '"$INSTDIR\holdfast.exe" service stop'
    ${If} $0 != 0
      !insertmacro Fail "The service does not stop: nothing was changed"
    ${EndIf}
    Delete "$INSTDIR\previous.exe"
    Rename "$INSTDIR\holdfast.exe" "$INSTDIR\previous.exe"
  ${EndIf}
  ClearErrors
  SetOutPath "$INSTDIR\lib"
  ; Their names have their digests: those of the version before stay until the end.
  File "${PROGRAM}/lib/*.node"
  SetOutPath "$INSTDIR"
  File "${PROGRAM}/holdfast.exe"
  ${If} ${Errors}
    Call PutBack
    !insertmacro Fail "The files cannot be written: the version before is as it was"
  ${EndIf}
  !insertmacro Run '"$INSTDIR\holdfast.exe" service install --config "$Config" --account "$Account" $Start'
  ${If} $0 != 0
    StrCpy $4 $0
    Call PutBack
    !insertmacro Fail "holdfast service install has ended with $4: the version before, if there was one, runs again"
  ${EndIf}
  Delete "$INSTDIR\previous.exe"
  SetOutPath "$INSTDIR\doc"
  File "${PROGRAM}/doc/*"
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Holdfast"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section Uninstall
  SetRegView 64
  !insertmacro Run '"$INSTDIR\holdfast.exe" service uninstall'
  ${If} $0 != 0
    !insertmacro Fail "holdfast service uninstall has ended with $0: nothing was removed"
  ${EndIf}
  Delete "$INSTDIR\lib\*.node"
  RMDir "$INSTDIR\lib"
  Delete "$INSTDIR\doc\*"
  RMDir "$INSTDIR\doc"
  Delete "$INSTDIR\holdfast.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
SectionEnd
