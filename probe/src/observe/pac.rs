//! Settings that let a script choose the proxy (PAC, WPAD): which are set, never what they say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::dconf;
use super::trust_store::{Machine, Reader, entries, firefox_policies, firefox_profiles};
use crate::places::Folder;

/// Returns the names of the settings that are set so, sorted.
///
/// What other systems keep (the registry, macOS's network settings) is not looked at.
pub fn pac_settings(machine: &Machine) -> Vec<String> {
    let mut reader = Reader::new();
    let mut found: BTreeSet<String> = machine.set_variables(["auto_proxy", "AUTO_PROXY"]).into_iter().collect();
    if firefox_policies(machine, &mut reader).into_iter().flatten().any(|policies| is_automatic(policies.pointer("/Proxy/Mode"))) {
        found.insert("Firefox policy Proxy.Mode".to_owned());
    }
    let preferences = firefox_profiles(machine).into_iter().flat_map(|profile| [profile.join("prefs.js"), profile.join("user.js")]);
    if preferences.take(MAX_FILES).filter_map(|path| reader.text(&path)).any(|text| text.lines().any(is_automatic_preference)) {
        found.insert("Firefox preference network.proxy.type".to_owned());
    }
    let of_kde = machine.home(".config/kioslaverc").and_then(|path| reader.text(&path));
    if of_kde.is_some_and(|text| text.lines().any(|line| matches!(line.trim(), "ProxyType=2" | "ProxyType=3"))) {
        found.insert("KDE setting ProxyType".to_owned());
    }
    // GNOME's folder lies beside ours.
    let of_gnome = machine.folder(Folder::Config).map(|ours| ours.with_file_name("dconf").join("user"));
    let databases = of_gnome.into_iter().chain(entries(&machine.system("/etc/dconf/db")));
    let mut modes = databases.take(MAX_FILES).filter_map(|path| dconf::text(&reader.contents(&path)?, GNOME_MODE));
    if modes.any(|mode| mode == "auto") {
        found.insert("GNOME setting system.proxy mode".to_owned());
    }
    let policies = CHROMIUM_POLICIES.iter().flat_map(|folder| entries(&machine.system(folder)));
    for policies in policies.take(MAX_FILES).filter_map(|path| reader.text(&path)) {
        let Ok(policies) = serde_json::from_str::<Value>(&policies) else { continue };
        found.extend(of_chromium(&policies).into_iter().map(|name| format!("Chromium policy {name}")));
    }
    found.into_iter().collect()
}

fn of_chromium(policies: &Value) -> Vec<&'static str> {
    let is_set = |pointer: &str| policies.pointer(pointer).and_then(Value::as_str).is_some_and(|url| !url.is_empty());
    let mut names = Vec::new();
    for (name, pointer) in [("ProxyMode", "/ProxyMode"), ("ProxySettings", "/ProxySettings/ProxyMode")] {
        if is_automatic(policies.pointer(pointer)) {
            names.push(name);
        }
    }
    for (name, pointer) in [("ProxyPacUrl", "/ProxyPacUrl"), ("ProxySettings", "/ProxySettings/ProxyPacUrl")] {
        if is_set(pointer) {
            names.push(name);
        }
    }
    names
}

/// Firefox says `autoConfig` and `autoDetect`, Chromium `pac_script` and `auto_detect`.
fn is_automatic(mode: Option<&Value>) -> bool {
    mode.and_then(Value::as_str).is_some_and(|mode| ["autoConfig", "autoDetect", "pac_script", "auto_detect"].contains(&mode))
}

/// 2 stands for a script, 4 for a script that is looked for.
fn is_automatic_preference(line: &str) -> bool {
    let value = line.trim().strip_prefix("user_pref(\"network.proxy.type\",").and_then(|rest| rest.trim().strip_suffix(");"));
    value.is_some_and(|value| matches!(value.trim(), "2" | "4"))
}

const CHROMIUM_POLICIES: [&str; 5] = [
    "/etc/brave/policies/managed",
    "/etc/chromium/policies/managed",
    "/etc/chromium-browser/policies/managed",
    "/etc/opt/chrome/policies/managed",
    "/etc/opt/edge/policies/managed",
];
/// Where GNOME says how a proxy is found: `none`, `manual` or `auto`.
const GNOME_MODE: &str = "/system/proxy/mode";
/// The most files of one kind that are looked into.
const MAX_FILES: usize = 64;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn settings_are_named_and_their_values_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("etc/firefox/policies/policies.json", r#"{"policies":{"Proxy":{"Mode":"autoConfig","AutoConfigURL":"http://canary/"}}}"#),
            ("etc/opt/chrome/policies/managed/a.json", r#"{"ProxyMode":"pac_script","ProxyPacUrl":"http://canary/"}"#),
            ("etc/chromium/policies/managed/a.json", r#"{"ProxySettings":{"ProxyMode":"auto_detect"}}"#),
            ("etc/chromium/policies/managed/b.json", "broken"),
            ("home/.config/kioslaverc", "[Proxy Settings]\nProxy Config Script=http://canary/\nProxyType=2\n"),
            ("home/.mozilla/firefox/canary/prefs.js", "user_pref(\"a\", 1);\nuser_pref(\"network.proxy.type\", 4);\n"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::create_dir_all(folder.path().join("home/.config/dconf")).unwrap();
        fs::write(folder.path().join("home/.config/dconf/user"), include_bytes!("../../tests/fixtures/dconf/automatic")).unwrap();
        let machine = Machine::below(folder.path(), &folder.path().join("home"), [("auto_proxy", "http://canary/".into())]);
        assert_eq!(
            pac_settings(&machine),
            [
                "Chromium policy ProxyMode",
                "Chromium policy ProxyPacUrl",
                "Chromium policy ProxySettings",
                "Firefox policy Proxy.Mode",
                "Firefox preference network.proxy.type",
                "GNOME setting system.proxy mode",
                "KDE setting ProxyType",
                "auto_proxy",
            ]
        );
    }

    #[test]
    fn a_fixed_proxy_is_no_script() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".mozilla/firefox/p");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("prefs.js"), "user_pref(\"network.proxy.type\", 1);\nuser_pref(\"network.proxy.type_note\", 2);\n").unwrap();
        let databases = folder.path().join("etc/dconf/db");
        fs::create_dir_all(&databases).unwrap();
        fs::write(databases.join("local"), include_bytes!("../../tests/fixtures/dconf/manual")).unwrap();
        assert_eq!(pac_settings(&Machine::below(folder.path(), folder.path(), [])), Vec::<String>::new());
    }
}
