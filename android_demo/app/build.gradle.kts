import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "org.tfstargan.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "org.tfstargan.demo"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    // Stored uncompressed, to be read without unpacking.
    androidResources {
        noCompress += "tflite"
    }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_11
    }
}

dependencies {
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    testImplementation(libs.kotlin.test.junit)
}

// The test vectors that Python, the page and this app share.
tasks.withType<Test> {
    systemProperty("vectors", rootDir.resolve("../tests/vectors").path)
}
